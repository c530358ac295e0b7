import type { Series } from "../../api";
import { type ChartFrame, TimeChart } from "../../chart";
import { exactCount, inUnit, level, rate, unitFor, duration, count } from "../../ui";
import { byClass, byCode } from "./classes";
import { hasStreams, percentileSeries, perStep } from "./measures";
import { ReplicasChart } from "./ReplicasChart";
import { replicaSeries } from "./slots";

export type View = {
  split: "all" | "replica";
  group: "class" | "code";
  log: readonly string[];
  onGroupSelected: (group: "class" | "code") => void;
  onLogChanged: (log: readonly string[]) => void;
};

type Props = { series: Series; frame: ChartFrame; view: View };

const pick = <K extends keyof Series["by_replica"][string]>(series: Series, measure: K) =>
  Object.fromEntries(Object.entries(series.by_replica).map(([replica, each]) => [replica, each[measure]]));

function RequestsChart({ series, frame, view }: Props) {
  const buckets = series.starts_us.length;
  const { by_code: codes } = series.requests;
  const whole = view.group === "class" ? byClass(codes, buckets) : byCode(codes, buckets);
  const split = view.split === "replica";
  const actions = !split && (
    <div className="joined" role="group" aria-label="Group by">
      {(["class", "code"] as const).map((group) => (
        <button key={group} type="button" className="button tiny" aria-pressed={view.group === group} onClick={() => view.onGroupSelected(group)} data-testid={`group-${group}`}>{group}</button>
      ))}
    </div>
  );
  return (
    <TimeChart id="requests" title="HTTP requests" subtitle={perStep(series)} unit={`requests ${perStep(series)}`} frame={frame} ticks="whole" text={exactCount} axisText={count} actions={actions} series={split ? replicaSeries(pick(series, "requests"), "bar") : whole} />
  );
}

function PendingChart({ series, frame, view }: Props) {
  const whole = [
    { key: "pending", label: "mean", values: series.pending.mean, color: "--slot-b", shape: "step" as const },
    { key: "pending-max", label: "max", values: series.pending.max, color: "--slot-a", shape: "step" as const, dash: "dashed" as const },
  ];
  return (
    <TimeChart id="pending" title="Pending requests" subtitle={`waiting and in flight, ${perStep(series)}`} unit="requests" frame={frame} ticks="whole" text={level} series={view.split === "replica" ? replicaSeries(pick(series, "pending"), "step") : whole} />
  );
}

function LatencyChart({ series, frame, view, measure }: Props & { measure: "latency" | "ttft" }) {
  const { [`${measure}_s` as const]: percentiles } = series;
  const split = view.split === "replica" && measure === "latency";
  const lines = split ? replicaSeries(pick(series, "latency_p95_s"), "line") : percentileSeries(percentiles);
  const unit = unitFor(lines.flatMap((line) => line.values));
  const log = view.log.includes(measure);
  const title = measure === "latency" ? (split ? "Latency p95 by replica" : "Latency") : "Time to first token";
  return (
    <TimeChart
      id={measure}
      title={title}
      subtitle={`${unit.name}, ${perStep(series)}${measure === "ttft" ? ", streamed calls" : ""}`}
      unit={unit.name}
      frame={frame}
      text={duration}
      axisText={(value) => inUnit(value, unit).replace(/\.00$/, "")}
      series={lines}
      log={log}
      onLogChanged={(on) => view.onLogChanged(on ? [...view.log, measure] : view.log.filter((each) => each !== measure))}
      samples={(bucket) => {
        const samples = percentiles.count[bucket] ?? null;
        return samples === null || split ? null : `of ${exactCount(samples)} calls`;
      }}
    />
  );
}

function TokensChart({ series, frame }: Props) {
  const text = (value: number | null): string => rate(value, "tok/s");
  return (
    <TimeChart id="tokens" title="Output tokens" subtitle={`tok/s, ${perStep(series)}`} unit="tokens per second" frame={frame} text={text} axisText={level} series={[{ key: "tokens", label: "tok/s", values: series.output_tokens_per_s, color: "--slot-b", shape: "step" }]} />
  );
}

/** Requests, pending, latency, first token, tokens and replicas over one range. */
export function RequestsTab({ series, frame, view }: Props) {
  const charts = { series, frame, view };
  return (
    <>
      {!hasStreams(series) && <p className="muted" data-testid="no-streams">No streamed calls in this range, so there is no time to first token to show.</p>}
      <div className="charts">
        <RequestsChart {...charts} />
        <PendingChart {...charts} />
        <LatencyChart {...charts} measure="latency" />
        {hasStreams(series) && <LatencyChart {...charts} measure="ttft" />}
        <TokensChart {...charts} />
        <ReplicasChart series={series} frame={frame} />
      </div>
    </>
  );
}
