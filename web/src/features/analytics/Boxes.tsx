import { Link } from "@tanstack/react-router";
import type { Series } from "../../api";
import { count, duration, exactCount, fewSamples, percent } from "../../ui";
import { BOXES, classTotals, type Outcome, STACK } from "./classes";
import { PERCENTILES } from "./measures";

type Props = {
  series: Series;
  org: string;
  endpoint: string;
  hidden: readonly string[];
  onHiddenChanged: (hidden: readonly string[]) => void;
};

/** All classes but one hidden, or none when it was alone already. */
export function isolate(hidden: readonly string[], outcome: Outcome): string[] {
  const others = STACK.filter((each) => each !== outcome);
  const rest = hidden.filter((key) => !STACK.some((each) => each === key));
  return others.every((each) => hidden.includes(each)) ? rest : [...rest, ...others];
}

function ClassBox({ outcome, calls, share, alone, onIsolate, children }: { outcome: Outcome; calls: number; share: number | null; alone: boolean; onIsolate: () => void; children?: React.ReactNode }) {
  return (
    <div className="box" data-testid={`box-${outcome}`}>
      <button type="button" className="box-title" aria-pressed={alone} onClick={onIsolate} title={`Show ${outcome} alone`}>
        <i className="box-dot" style={{ background: `var(--s-${outcome})` }} />
        {outcome}
      </button>
      <div className="box-value" title={exactCount(calls)}>
        <strong data-testid={`count-${outcome}`}>{count(calls)}</strong> <span className="muted" data-testid={`share-${outcome}`}>{calls === 0 ? "" : percent(share)}</span>
      </div>
      {children}
    </div>
  );
}

/** Counts with their shares by class, and the percentiles of the whole range. */
export function Boxes({ series, org, endpoint, hidden, onHiddenChanged }: Props) {
  const totals = classTotals(series.requests.totals).filter(({ outcome, count: calls }) => BOXES.includes(outcome) || calls > 0);
  const order = [...BOXES, ...totals.map(({ outcome }) => outcome).filter((each) => !BOXES.includes(each))];
  const { window } = series.latency_s;
  const few = window.count === 0 ? null : fewSamples(window.count);
  return (
    <div className="boxes" data-testid="boxes">
      {order.map((outcome) => {
        const found = totals.find((each) => each.outcome === outcome);
        const calls = found?.count ?? 0;
        const others = STACK.filter((each) => each !== outcome);
        return (
          <ClassBox key={outcome} outcome={outcome} calls={calls} share={found?.share ?? null} alone={others.every((each) => hidden.includes(each))} onIsolate={() => onHiddenChanged(isolate(hidden, outcome))}>
            {calls > 0 && (
              <Link className="small" to="/o/$org/traces" params={{ org }} search={(old) => ({ from: old.from, to: old.to, tz: old.tz, endpoint, status: outcome === "2xx" ? "ok" : "error" })}>
                traces
              </Link>
            )}
          </ClassBox>
        );
      })}
      <div className="box percentiles">
        {PERCENTILES.map((name) => (
          <div key={name}>
            <div className="box-title"><i className="box-dot" style={{ background: `var(--${name})` }} />{name}</div>
            <div className="box-value"><strong data-testid={`window-${name}`}>{duration(window[name])}</strong></div>
            {few !== null && <div className="small muted">{few}</div>}
          </div>
        ))}
      </div>
    </div>
  );
}
