import { type SyntheticEvent, useState } from "react";
import { stamp } from "../../ui";
import { fixed, type Range, resolve } from "../../url";
import { readMoment } from "./moments";

type Props = { range: Range; zone: string; onRangeSelected: (range: Range) => void };

/** Two fields and Apply: the keyboard's way to what a drag does. */
export function CustomRange({ range, zone, onRangeSelected }: Props) {
  const [initial] = useState(() => resolve(range, Date.now()));
  const [from, setFrom] = useState(stamp(initial.fromUs, zone));
  const [to, setTo] = useState(range.kind === "last" ? "now" : stamp(initial.toUs, zone));
  const [problem, setProblem] = useState<string | null>(null);
  const apply = (event: SyntheticEvent): void => {
    event.preventDefault();
    const now = Date.now();
    const fromMs = readMoment(from, now, zone);
    const toMs = readMoment(to, now, zone);
    if (fromMs === undefined || toMs === undefined) setProblem("Write a time as 2026-11-23 10:00, now-90m, ISO or epoch.");
    else if (fromMs >= toMs) setProblem("The start must be before the end.");
    else if (to.trim() === "now") onRangeSelected({ kind: "last", seconds: Math.max(100, Math.round((now - fromMs) / 1000)) });
    else onRangeSelected(fixed(fromMs, toMs));
  };
  return (
    <form className="stack custom-range" onSubmit={apply}>
      <label className="labelled">
        From
        <input className="field mono" name="from" value={from} onChange={(event) => setFrom(event.target.value)} data-testid="range-from" />
      </label>
      <label className="labelled">
        To
        <input className="field mono" name="to" value={to} onChange={(event) => setTo(event.target.value)} data-testid="range-to" />
      </label>
      {problem !== null && <p className="small" role="alert" style={{ color: "var(--limit)" }}>{problem}</p>}
      <div className="row">
        <button className="button primary" data-testid="range-apply">Apply</button>
        <span className="muted small">in {zone}</span>
      </div>
    </form>
  );
}
