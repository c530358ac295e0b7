import { type CSSProperties, type ReactNode, useEffect, useMemo, useRef } from "react";
import { clockSeconds, offset } from "../ui/moment";
import { duration } from "../ui/number";
import { useLightOrDark } from "../ui/theme";
import { useCrosshair, usePoint } from "./crosshair";
import { bucketAt } from "./scale";
import { Tooltip } from "./Tooltip";
import type { Buckets, ChartSeries, SelectedRange } from "./types";
import { type PlotArea, type Ticks, useCanvas } from "./useCanvas";
import { chartKeys } from "./useKeys";
import { usePointer } from "./usePointer";

export type PlotProps = {
  id: string;
  label: string;
  series: readonly ChartSeries[];
  buckets: Buckets;
  zone: string;
  log: boolean;
  height: number;
  ticks: Ticks;
  text: (value: number | null) => string;
  axisText: (value: number) => string;
  samples?: (bucket: number) => string | null;
  linksFor: (range: SelectedRange) => ReactNode;
  onRangeSelected: (range: SelectedRange) => void;
  onBack: () => void;
  focused: string | null;
  onSeriesFocused: (by: -1 | 1) => void;
  onTable: () => void;
};

const box = (area: PlotArea | null): CSSProperties => (area ? { left: area.left, top: area.top, width: area.width, height: area.height } : { display: "none" });

function Selection({ range, buckets, zone }: { range: SelectedRange; buckets: Buckets; zone: string }) {
  const share = (us: number): number => ((us - buckets.fromUs) / (buckets.toUs - buckets.fromUs)) * 100;
  return (
    <div className="selection" style={{ left: `${share(range.fromUs)}%`, width: `${share(range.toUs) - share(range.fromUs)}%` }}>
      <span>
        {clockSeconds(range.fromUs, zone)}–{clockSeconds(range.toUs, zone)} · {duration((range.toUs - range.fromUs) / 1e6)}
      </span>
    </div>
  );
}

/** Hides the tooltip a moment after the pointer left, so that the pointer can enter the tooltip meanwhile. */
function useHover(id: string) {
  const crosshair = useCrosshair();
  const leaving = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(leaving.current), []);
  return {
    crosshair,
    stay: (): void => clearTimeout(leaving.current),
    leave: (): void => {
      clearTimeout(leaving.current);
      leaving.current = setTimeout(() => {
        const point = crosshair.get();
        if (point?.chart === id && !point.pinned) crosshair.set(null);
      }, 160);
    },
  };
}

/** Canvas, crosshair, drag and tooltip of one chart. */
export function Plot(props: PlotProps) {
  const { id, label, series, buckets, zone, log, height, ticks, axisText } = props;
  const host = useRef<HTMLDivElement>(null);
  const theme = useLightOrDark();
  const scene = useMemo(() => ({ buckets, series, theme }), [buckets, series, theme]);
  const area = useCanvas(host, { scene, zone, log, height, ticks, axisText });
  const { crosshair, stay, leave } = useHover(id);
  const point = usePoint();
  const pick = (us: number): number | undefined => bucketAt(buckets.startsUs, buckets.stepUs, us);
  const pointer = usePointer({
    fromUs: buckets.fromUs,
    toUs: buckets.toUs,
    onMove: (us) => {
      stay();
      const bucket = pick(us);
      if (bucket !== undefined && crosshair.get()?.pinned !== true) crosshair.set({ bucket, chart: id, pinned: false });
    },
    onLeave: leave,
    onClick: (us) => {
      const bucket = pick(us);
      if (bucket !== undefined) crosshair.set(crosshair.get()?.pinned === true ? null : { bucket, chart: id, pinned: true });
    },
    onSelected: props.onRangeSelected,
  });
  const bucketRange = (bucket: number): SelectedRange => {
    const fromUs = buckets.startsUs[bucket] ?? buckets.fromUs;
    return { fromUs, toUs: fromUs + buckets.stepUs };
  };
  const selected = (range: SelectedRange): void => {
    pointer.cancel();
    crosshair.set(null);
    props.onRangeSelected(range);
  };
  const keys = chartKeys({ chart: id, crosshair, buckets, selection: pointer.selection, onSelection: (range) => (range === null ? pointer.cancel() : pointer.setSelection(range)), onSelected: selected, onSeries: props.onSeriesFocused, onTable: props.onTable });
  const middle = point === null ? 0 : (((buckets.startsUs[point.bucket] ?? 0) + buckets.stepUs / 2 - buckets.fromUs) / (buckets.toUs - buckets.fromUs)) * 100;
  return (
    <div className="plot" tabIndex={0} role="application" aria-label={label} aria-roledescription="chart" onKeyDown={keys} data-testid={`plot-${id}`}>
      <div ref={host} style={{ height }} aria-hidden="true" />
      <div className="plot-area" style={box(area)} data-testid={`plot-area-${id}`} onDoubleClick={props.onBack} {...pointer.handlers}>
        {point !== null && <div className="crosshair" style={{ left: `${middle}%` }} />}
        {pointer.selection !== null && <Selection range={pointer.selection} buckets={buckets} zone={zone} />}
      </div>
      <span className="zone muted">{offset(buckets.toUs, zone)}</span>
      {point?.chart === id && pointer.selection === null && area !== null && (
        <div className="tooltip-place" style={middle < 50 ? { left: area.left + (area.width * middle) / 100 + 14 } : { right: `calc(100% - ${area.left + (area.width * middle) / 100 - 14}px)` }} onPointerEnter={stay} onPointerLeave={leave}>
          <Tooltip
            {...props}
            bucket={point.bucket}
            pinned={point.pinned}
            links={props.linksFor(bucketRange(point.bucket))}
            samples={props.samples?.(point.bucket) ?? null}
            onZoom={() => selected(bucketRange(point.bucket))}
            onClose={() => crosshair.set(null)}
          />
        </div>
      )}
    </div>
  );
}
