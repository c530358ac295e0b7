import { Link } from "@tanstack/react-router";
import type { TraceRow } from "../../api";
import { count, inUnit, money, StatusIcon, tokens, type Unit, When } from "../../ui";

export type Units = { latency: Unit; ttft: Unit };

function statusLabel(row: TraceRow): string {
  if (row.status !== "ERROR") return "OK";
  return row.error_class?.replaceAll("_", " ") ?? "error";
}

/** Requested and answered names where they differ. */
function Model({ row }: { row: TraceRow }) {
  const { model_requested: asked, model_answered: answered } = row;
  if (asked === null && answered === null) return <>—</>;
  return (
    <div title={`requested ${asked ?? "—"}, answered ${answered ?? "—"}`}>
      <div className="clip">{asked ?? answered}</div>
      {asked !== null && answered !== null && answered !== asked && <div className="clip muted small">→ {answered}</div>}
    </div>
  );
}

/** One trace; the whole row is a link to it. */
export function Row({ row, org, zone, units }: { row: TraceRow; org: string; zone: string; units: Units }) {
  return (
    <tr data-testid={`trace-${row.trace_id}`}>
      <td><When us={row.started_us} zone={zone} /></td>
      <td><StatusIcon status={row.status === "ERROR" ? "error" : "ok"} label={statusLabel(row)} /></td>
      <th scope="row" className="trace-name">
        <div className="clip"><Link className="whole" to="/o/$org/traces/$trace" params={{ org, trace: row.trace_id }} search={(old) => ({ tz: old.tz })}>
          {row.operation_name ?? "unnamed"}
        </Link>
        {row.spans > 1 && <span className="muted small"> · {count(row.spans)} spans</span>}
        {row.streams.some((stream) => stream !== "default") && <span className="muted small"> · {row.streams.join(", ")}</span>}</div>
        <div className="muted clip">{row.error_message ?? row.input_preview ?? ""}</div>
      </th>
      <td className="trace-model wide"><Model row={row} /></td>
      <td className="number" data-label={`latency ${units.latency.name}`}>{inUnit(row.duration_us / 1e6, units.latency)}</td>
      <td className="number later" data-label={`TTFT ${units.ttft.name}`}>{inUnit(row.ttft_s, units.ttft)}</td>
      <td className="number later" data-label="tokens">{tokens(row.tokens_input, row.token_source)} → {tokens(row.tokens_output, row.token_source)}</td>
      <td className="number later" data-label="cost"><span className={row.cost_usd === null ? "muted" : ""}>{row.tokens_output === null && row.cost_usd === null ? "—" : money(row.cost_usd, 4)}</span></td>
      <td className="later"><div className="clip">{row.endpoint ?? row.service_name ?? "—"}</div>{row.replica_id !== null && <div className="mono muted clip">{row.replica_id}</div>}</td>
    </tr>
  );
}
