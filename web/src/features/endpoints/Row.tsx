import { Link } from "@tanstack/react-router";
import type { Endpoint } from "../../api";
import { inUnit, level, percent, rate, Sparkline, StateBadge, type Unit } from "../../ui";
import { WORDS } from "./words";

type Props = { endpoint: Endpoint; org: string; unit: Unit };

/** One endpoint; the whole row is a link to its analytics. */
export function Row({ endpoint, org, unit }: Props) {
  const { window, replicas, pending } = endpoint;
  const atLimit = replicas.running >= replicas.max && (pending ?? 0) > 0;
  const measured = window.requests > 0;
  return (
    <tr data-testid={`endpoint-${endpoint.name}`}>
      <th scope="row">
        <Link className="whole" to="/o/$org/endpoints/$name/analytics" params={{ org, name: endpoint.name }} search={(old) => ({ from: old.from, to: old.to, tz: old.tz })}>
          {endpoint.name}
        </Link>
        <div className="muted small clip">{endpoint.model ?? "any model"}{endpoint.engine === null ? "" : ` · ${endpoint.engine}`}</div>
      </th>
      <td><StateBadge state={endpoint.state} word={WORDS[endpoint.state]} /></td>
      <td className="number" data-label="req/min"><span className="row no-wrap rate"><Sparkline values={window.sparkline} /> {measured ? rate(window.requests_per_minute, "").trim() : "—"}</span></td>
      <td className="number" data-label="errors">{percent(window.error_share)}</td>
      <td className="number" data-label={`p95 ${unit.name}`}>{inUnit(window.latency_p95_s, unit)}</td>
      <td className="number" data-label={`TTFT p95 ${unit.name}`}>{inUnit(window.ttft_p95_s, unit)}</td>
      <td className="number" data-label="pending">{level(pending)}</td>
      <td className="number" data-label="replicas">
        {atLimit && <span className="badge warn">at its limit</span>} {replicas.running} / {replicas.max}
      </td>
    </tr>
  );
}
