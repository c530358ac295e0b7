import { useQuery } from "@tanstack/react-query";
import { buildUrl, fetchJson } from "./client";
import { anchored, type Live, liveOptions } from "./live";

/** One value a bucket; null where nothing was measured. */
export type Values = readonly (number | null)[];

export type Percentiles = {
  p50: Values;
  p90: Values;
  p95: Values;
  p99: Values;
  count: Values;
  window: { p50: number | null; p90: number | null; p95: number | null; p99: number | null; count: number };
};

export type ReplicaSeries = {
  requests: Values;
  latency_p95_s: Values;
  pending: Values;
  cpu_percent: Values;
  memory_bytes: Values;
};

export type Series = {
  from_us: number;
  to_us: number;
  step_s: number;
  starts_us: readonly number[];
  partial_last: boolean;
  requests: { by_code: Readonly<Record<string, Values>>; totals: Readonly<Record<string, number>> };
  pending: { mean: Values; max: Values };
  latency_s: Percentiles;
  ttft_s: Percentiles;
  output_tokens_per_s: Values;
  replicas: { running: Values; max: Values; min: Values };
  by_replica: Readonly<Record<string, ReplicaSeries>>;
  hardware: {
    cpu_percent: { mean: Values };
    memory_bytes: { mean: Values; limit: number | null };
    gpu: null | Readonly<Record<string, unknown>>;
  };
};

type Ask = Live & { org: string; endpoint: string; replicas: readonly string[]; stepS: number };

export function useSeries({ org, endpoint, range, period, replicas, stepS }: Ask) {
  return useQuery({
    queryKey: ["series", org, endpoint, range, replicas, stepS],
    queryFn: ({ signal }) =>
      anchored(range, async ({ fromUs, toUs }) => {
        const query = { from_us: fromUs, to_us: toUs, step_s: stepS, replica: replicas.join(",") };
        return (await fetchJson(buildUrl(["orgs", org, "endpoints", endpoint, "series"], query), signal)) as Series;
      }),
    ...liveOptions(period),
  });
}
