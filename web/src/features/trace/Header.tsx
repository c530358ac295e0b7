import { Link } from "@tanstack/react-router";
import type { SpanRow, Trace } from "../../api";
import { CopyButton, count, duration, moneySum, stamp, StatusIcon, tokens } from "../../ui";
import { printRange } from "../../url";
import { callsOf, factOf } from "./calls";
import { durationUs, isError, number, startUs, text } from "./facts";
import { totalsOf } from "./totals";
import { extent } from "./tree";

type Props = { trace: Trace; root: SpanRow; org: string; zone: string };

/** A quarter of an hour round the call, so that its bucket stands in the middle. */
function around(us: number): { from?: string | undefined; to?: string | undefined } {
  return printRange({ kind: "fixed", fromMs: Math.round(us / 1000 - 450_000), toMs: Math.round(us / 1000 + 450_000) });
}

function Serving({ served, org, zone }: { served: SpanRow; org: string; zone: string }) {
  const endpoint = text(served, "inferscope_endpoint");
  const replica = text(served, "inferscope_replica_id");
  const attempts = number(served, "inferscope_attempts");
  if (endpoint === null) return null;
  const times = around(startUs(served));
  return (
    <div className="row serving panel" data-testid="serving">
      <span>Served by</span>
      <Link to="/o/$org/endpoints/$name/analytics" params={{ org, name: endpoint }} search={(old) => ({ tz: old.tz, ...times })} data-testid="open-analytics">{endpoint}</Link>
      {replica !== null && (
        <>
          <span>on replica</span>
          <Link className="mono" to="/o/$org/endpoints/$name/analytics" params={{ org, name: endpoint }} search={(old) => ({ tz: old.tz, tab: "hardware", replica, ...times })} data-testid="open-replica">{replica}</Link>
        </>
      )}
      {attempts !== null && attempts > 1 && <span className="badge warn">{attempts} replicas tried</span>}
      <span className="muted">at {stamp(startUs(served), zone)}</span>
    </div>
  );
}

/** The trace in one line: what, how it ended, how long, how much. */
export function Header({ trace, root, org, zone }: Props) {
  const { fromUs, toUs } = extent(trace.spans);
  const totals = totalsOf(trace.spans);
  const calls = callsOf(trace.spans);
  const ttft = calls.length === 1 && calls[0] ? factOf(calls[0], (row) => number(row, "gen_ai_response_time_to_first_chunk")) : null;
  const failed = trace.spans.some(isError);
  const errorClass = trace.spans.map((row) => text(row, "error_class")).find((each) => each !== null);
  const served = trace.spans.find((row) => text(row, "inferscope_endpoint") !== null);
  const model = calls.map((call) => factOf(call, (row) => text(row, "llm_request_parameters_model"))).find((each) => each !== null);
  return (
    <header className="stack trace-header">
      <div className="row">
        <h1>{text(root, "operation_name") ?? "unnamed"}</h1>
        <StatusIcon status={failed ? "error" : "ok"} label={failed ? (errorClass?.replaceAll("_", " ") ?? "error") : "OK"} />
        <strong title={`root span ${duration(durationUs(root) / 1e6)}`} data-testid="trace-duration">{duration((toUs - fromUs) / 1e6)}</strong>
        {ttft !== null && <span className="muted">TTFT <span data-testid="trace-ttft">{duration(ttft)}</span></span>}
        {totals.calls > 0 && <span data-testid="trace-tokens">{tokens(totals.input, totals.origin)} → {tokens(totals.output, totals.origin)} <span className="muted">tok</span></span>}
        {totals.output !== null && <span className="muted" data-testid="trace-cost">{moneySum(totals.costUsd, totals.unpriced)}</span>}
        {totals.calls > 1 && <span className="muted">{count(totals.calls)} calls</span>}
        {model !== undefined && <code className="muted clip" data-testid="trace-model">{model}</code>}
        <span className="grow" />
        <span className="row no-wrap small muted"><code className="clip" data-testid="trace-id">{trace.trace_id}</code><CopyButton text={trace.trace_id} what="trace id" /></span>
      </div>
      {served && <Serving served={served} org={org} zone={zone} />}
      {trace.truncated && <p className="strip warn" role="status">Only a part of this trace is shown: it has more spans than one answer carries.</p>}
    </header>
  );
}
