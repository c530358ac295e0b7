import { type ReactNode, useMemo, useRef, useState } from "react";
import { Icon } from "../ui/Icon";
import { clockSeconds } from "../ui/moment";
import { Panel } from "../ui/Panel";
import { usePoint } from "./crosshair";
import { DataTable } from "./DataTable";
import { Legend } from "./Legend";
import { Plot } from "./Plot";
import { summarise } from "./summary";
import type { Buckets, ChartSeries, SelectedRange } from "./types";
import type { Ticks } from "./useCanvas";
import { useTable } from "./useTable";

/** What all charts of a page have in common. */
export type ChartFrame = {
  buckets: Buckets;
  zone: string;
  hidden: readonly string[];
  onHiddenChanged: (hidden: readonly string[]) => void;
  onRangeSelected: (range: SelectedRange) => void;
  onBack: () => void;
  linksFor: (range: SelectedRange) => ReactNode;
};

type Props = {
  id: string;
  title: string;
  subtitle: string;
  unit: string;
  frame: ChartFrame;
  series: readonly ChartSeries[];
  text: (value: number | null) => string;
  axisText?: (value: number) => string;
  samples?: (bucket: number) => string | null;
  ticks?: Ticks;
  log?: boolean;
  onLogChanged?: (log: boolean) => void;
  actions?: ReactNode;
  note?: ReactNode;
};

const unlabelled = (): string => "";

/** Says the values under a crosshair that was moved by keys. */
function Spoken({ id, visible, frame, text }: { id: string; visible: readonly ChartSeries[]; frame: ChartFrame; text: Props["text"] }) {
  const point = usePoint();
  const start = point === null ? undefined : frame.buckets.startsUs[point.bucket];
  const mine = point?.chart === id && start !== undefined && document.activeElement?.getAttribute("data-testid") === `plot-${id}`;
  return (
    <div className="hidden-text" aria-live="polite">
      {mine && `${clockSeconds(start, frame.zone)}: ${visible.filter((each) => each.shape !== "band").map((each) => `${each.label} ${text(each.values[point.bucket] ?? null)}`).join(", ")}`}
    </div>
  );
}

/** A chart over time: panel, canvas, legend, and its data as a table. */
export function TimeChart(props: Props) {
  const { id, title, subtitle, unit, frame, series, text, log = false, onLogChanged } = props;
  const { buckets, zone, hidden } = frame;
  const body = useRef<HTMLDivElement>(null);
  const { asTable, toggle, toggleByKey } = useTable(body);
  const [focused, setFocused] = useState<string | null>(null);
  const visible = useMemo(() => series.filter((each) => !hidden.includes(each.key)), [series, hidden]);
  const measured = series.some((each) => each.shape !== "band" && each.values.some((value) => value !== null));
  const onSeriesFocused = (by: -1 | 1): void => {
    const at = visible.findIndex((each) => each.key === focused);
    setFocused(visible[(at + by + visible.length) % visible.length]?.key ?? null);
  };
  const actions = (
    <>
      {props.actions}
      {onLogChanged && (
        <button type="button" className="button tiny" aria-pressed={log} onClick={() => onLogChanged(!log)}>log</button>
      )}
      <button type="button" className="button tiny icon quiet" aria-pressed={asTable} onClick={toggle} title={asTable ? "Show the chart (d)" : "Show the data as a table (d)"} data-testid={`table-${id}`}>
        <Icon name={asTable ? "chart" : "table"} />
        <span className="hidden-text">Data table of {title}</span>
      </button>
    </>
  );
  return (
    <Panel title={title} subtitle={subtitle} actions={actions} testId={`chart-${id}`}>
      {props.note}
      <div ref={body}>
        {asTable ? (
          <DataTable title={title} series={series} buckets={buckets} zone={zone} unit={unit} text={text} onChart={toggleByKey} />
        ) : (
          <>
            <div className="plot-frame">
              <Plot
                {...frame}
                id={id}
                label={`${title}. ${summarise(visible, buckets, text, zone)}`}
                series={visible}
                log={log}
                height={200}
                ticks={props.ticks ?? "decimal"}
                text={text}
                axisText={measured ? (props.axisText ?? text) : unlabelled}
                {...(props.samples ? { samples: props.samples } : {})}
                focused={focused}
                onSeriesFocused={onSeriesFocused}
                onTable={toggleByKey}
              />
              {!measured && <p className="plot-empty muted">Nothing was measured in this range</p>}
            </div>
            <Legend series={series} hidden={hidden} chart={id} text={text} onHiddenChanged={frame.onHiddenChanged} />
            <Spoken id={id} visible={visible} frame={frame} text={text} />
          </>
        )}
      </div>
    </Panel>
  );
}
