import { Icon, useShortcuts, useTabVisible } from "../../ui";
import { PERIODS, type Range } from "../../url";
import { periodLabel } from "./label";

type Props = {
  range: Range;
  /** seconds; 0 is off */
  period: number;
  /** A pinned tooltip or a drag is open. */
  held: boolean;
  onPeriodSelected: (seconds: number) => void;
  onRefresh: () => void;
};

function pausedBecause({ range, held }: Props, visible: boolean): string | null {
  if (range.kind === "fixed") return "fixed range";
  if (!visible) return "paused: tab hidden";
  return held ? "paused: tooltip pinned" : null;
}

/** How often the page looks again, and why it does not. */
export function RefreshControl(props: Props) {
  const { range, period, onPeriodSelected, onRefresh } = props;
  const reason = pausedBecause(props, useTabVisible());
  useShortcuts({ r: onRefresh, R: () => onPeriodSelected(period === 0 ? 10 : 0) });
  return (
    <div className="row no-wrap">
      <div className="joined">
        <button type="button" className="button icon" onClick={onRefresh} title="Refresh now (r)" data-testid="refresh-now"><Icon name="refresh" /><span className="hidden-text">Refresh now</span></button>
        <select className="field" aria-label="Auto refresh" value={period} disabled={range.kind === "fixed"} onChange={(event) => onPeriodSelected(Number(event.target.value))} data-testid="refresh-period">
          {PERIODS.map((seconds) => (
            <option key={seconds} value={seconds}>{periodLabel(seconds)}</option>
          ))}
        </select>
      </div>
      {reason !== null && <span className="muted small nowrap" data-testid="refresh-paused">{reason}</span>}
    </div>
  );
}
