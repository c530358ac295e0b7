import { Link } from "@tanstack/react-router";
import { type Live, type ModelRow, useModels } from "../../api";
import { ABSENT, count, EmptyState, ErrorState, inUnit, moneySum, percent, Skeleton, StaleStrip, tokens, type Unit, unitFor } from "../../ui";

type Props = { org: string; live: Live };

function Errors({ row }: { row: ModelRow }) {
  const classes = Object.entries(row.errors_by_class).sort(([, a], [, b]) => b - a);
  return (
    <>
      {count(row.errors)} <span className="muted">{row.errors === 0 || row.calls === 0 ? "" : percent(row.errors / row.calls)}</span>
      {classes.map(([name, errors]) => <div key={name} className="muted small">{name.replaceAll("_", " ")} {count(errors)}</div>)}
    </>
  );
}

function Row({ row, org, unit }: { row: ModelRow; org: string; unit: Unit }) {
  const name = row.model_requested ?? "—";
  const answered = row.models_answered.filter((each) => each !== row.model_requested);
  return (
    <tr data-testid={`model-${name}`}>
      <th scope="row">
        {row.model_requested === null ? "not named" : (
          <Link className="whole" to="/o/$org/traces" params={{ org }} search={(old) => ({ from: old.from, to: old.to, tz: old.tz, model: name })}>{name}</Link>
        )}
        {answered.length > 0 && <div className="muted small">→ {answered.join(", ")}</div>}
      </th>
      <td className="number" data-label="calls">{count(row.calls)}{row.calls < 30 && <div className="muted small">too few to compare</div>}</td>
      <td className="number" data-label="errors"><Errors row={row} /></td>
      <td className="number" data-label={`p50 ${unit.name}`}>{inUnit(row.latency_p50_s, unit)}</td>
      <td className="number" data-label={`p95 ${unit.name}`}>{inUnit(row.latency_p95_s, unit)}</td>
      <td className="number" data-label={`TTFT p50 ${unit.name}`}>{inUnit(row.ttft_p50_s, unit)}</td>
      <td className="number" data-label="tokens">{tokens(row.tokens_input, null)} → {tokens(row.tokens_output, null)}</td>
      <td className="number" data-label="cost"><span className={row.cost_usd === null ? "muted" : ""}>{row.tokens_output === null && row.cost_usd === null ? ABSENT : moneySum(row.cost_usd, row.unpriced_calls)}</span></td>
    </tr>
  );
}

/** Models side by side: what was asked for, who answered, how fast, how often it failed. */
export function List({ org, live }: Props) {
  const { data, error, refetch, isPlaceholderData, dataUpdatedAt } = useModels(org, live);
  const retry = (): void => void refetch();
  if (data === undefined) return error ? <ErrorState what="The models" failure={error} onRetry={retry} /> : <Skeleton lines={6} height={36} />;
  if (data.data.length === 0) {
    return <EmptyState title="No model calls in this range"><p className="muted">Choose a longer range, or send traces: the Traces page has the lines that do it.</p></EmptyState>;
  }
  const unit = unitFor(data.data.map((row) => row.latency_p50_s));
  return (
    <div className={`stack ${isPlaceholderData ? "refreshing" : ""}`}>
      <StaleStrip updatedAt={dataUpdatedAt} period={live.period} failure={error} onRetry={retry} />
      <div className="rows">
        <table data-testid="models">
          <thead>
            <tr>
              <th scope="col">Requested → answered</th>
              <th scope="col" className="number">Calls</th>
              <th scope="col" className="number">Errors</th>
              <th scope="col" className="number">p50 ({unit.name})</th>
              <th scope="col" className="number">p95 ({unit.name})</th>
              <th scope="col" className="number">TTFT p50 ({unit.name})</th>
              <th scope="col" className="number">Tokens in → out</th>
              <th scope="col" className="number">Cost</th>
            </tr>
          </thead>
          <tbody>{[...data.data].sort((a, b) => b.calls - a.calls).map((row) => <Row key={row.model_requested ?? ""} row={row} org={org} unit={unit} />)}</tbody>
        </table>
      </div>
    </div>
  );
}
