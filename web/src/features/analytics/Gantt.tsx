import { useState } from "react";
import type { Segment, Timeline } from "../../api";
import { type SelectedRange, usePointer } from "../../chart";
import { clock, clockSeconds, duration, offset, Panel, stamp } from "../../ui";
import type { Span } from "../../url";
import { lookOf, placed, STATES_SHOWN } from "./replicaStates";

type Props = {
  timeline: Timeline;
  span: Span;
  zone: string;
  selected: readonly string[];
  onReplicaSelected: (replica: string) => void;
  onRangeSelected: (range: SelectedRange) => void;
};

type Shown = { replica: string; segment: Segment };

function sentence({ replica, segment }: Shown, zone: string, span: Span): string {
  const end = segment.to_us ?? span.toUs;
  const until = segment.to_us === null ? "now" : stamp(segment.to_us, zone);
  const why = segment.message === null || segment.message === "" ? "" : `: ${segment.message}`;
  return `${replica} ${lookOf(segment.status).word}, ${stamp(segment.from_us, zone)} to ${until}, ${duration((end - segment.from_us) / 1e6)}${why}`;
}

function Axis({ span, zone }: { span: Span; zone: string }) {
  const marks = [0, 0.25, 0.5, 0.75];
  return (
    <div className="gantt-row gantt-axis muted small" aria-hidden="true">
      <span />
      <div className="gantt-track">
        {marks.map((share) => (
          <span key={share} style={{ left: `${share * 100}%` }}>{clock(span.fromUs + share * (span.toUs - span.fromUs), zone)}</span>
        ))}
        <span className="gantt-zone">{offset(span.toUs, zone)}</span>
      </div>
    </div>
  );
}

function Row({ replica, segments, props, onShown }: { replica: string; segments: readonly Segment[]; props: Props; onShown: (shown: Shown) => void }) {
  const { span, zone, selected, onReplicaSelected } = props;
  return (
    <div className="gantt-row" data-testid={`gantt-${replica}`}>
      <button type="button" className="gantt-name mono clip" aria-pressed={selected.includes(replica)} onClick={() => onReplicaSelected(replica)} title={`Show ${replica} alone on all tabs`}>{replica}</button>
      <div className="gantt-track">
        {segments.map((segment) => {
          const place = placed(segment, span.fromUs, span.toUs);
          if (place === null) return null;
          const { className, letter } = lookOf(segment.status);
          const text = sentence({ replica, segment }, zone, span);
          return (
            <button key={`${segment.status} ${segment.from_us}`} type="button" className={`segment ${className}`} style={{ left: `${place.left}%`, width: `${place.width}%` }} aria-label={text} onMouseEnter={() => onShown({ replica, segment })} onFocus={() => onShown({ replica, segment })} data-status={segment.status}>
              {letter !== "" && <b aria-hidden="true">{letter}</b>}
            </button>
          );
        })}
      </div>
    </div>
  );
}

/** Life of each replica over the range; drag over the axis sets the range. */
export function Gantt(props: Props) {
  const { timeline, span, zone, onRangeSelected } = props;
  const [shown, setShown] = useState<Shown | null>(null);
  const nothing = (): void => undefined;
  const { selection, handlers } = usePointer({ ...span, onMove: nothing, onLeave: nothing, onClick: nothing, onSelected: onRangeSelected });
  const newest = [...timeline.replicas].sort((a, b) => (b.segments[0]?.from_us ?? 0) - (a.segments[0]?.from_us ?? 0));
  const share = (us: number): number => ((us - span.fromUs) / (span.toUs - span.fromUs)) * 100;
  return (
    <Panel title="Replicas" subtitle="newest first; drag over the time line sets the range" testId="chart-timeline">
      <div className="gantt">
        <Axis span={span} zone={zone} />
        <div className="gantt-row">
          <span />
          <div className="gantt-track gantt-drag" {...handlers} data-testid="plot-area-timeline">
            {selection !== null && (
              <div className="selection" style={{ left: `${share(selection.fromUs)}%`, width: `${share(selection.toUs) - share(selection.fromUs)}%` }}>
                <span>{clockSeconds(selection.fromUs, zone)}–{clockSeconds(selection.toUs, zone)}</span>
              </div>
            )}
          </div>
        </div>
        {newest.map(({ replica_id, segments }) => (
          <Row key={replica_id} replica={replica_id} segments={segments} props={props} onShown={setShown} />
        ))}
      </div>
      <p className="gantt-detail" aria-live="polite" data-testid="gantt-detail">
        {shown === null ? <span className="muted">Point at a band, or tab to it, to read what it was and why</span> : sentence(shown, zone, span)}
      </p>
      <ul className="legend small" aria-label="States">
        {STATES_SHOWN.map((status) => (
          <li key={status} className="row no-wrap"><i className={`segment-key ${lookOf(status).className}`} /> {lookOf(status).letter} {lookOf(status).word}</li>
        ))}
      </ul>
    </Panel>
  );
}
