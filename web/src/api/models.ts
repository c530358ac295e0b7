import { useQuery } from "@tanstack/react-query";
import { buildUrl, fetchJson } from "./client";
import { anchored, type Live, liveOptions } from "./live";

export type ModelRow = {
  model_requested: string | null;
  models_answered: readonly string[];
  calls: number;
  errors: number;
  errors_by_class: Readonly<Record<string, number>>;
  latency_p50_s: number | null;
  latency_p95_s: number | null;
  ttft_p50_s: number | null;
  tokens_input: number | null;
  tokens_output: number | null;
  cost_usd: number | null;
  /** Calls that used tokens and have no cost. */
  unpriced_calls: number;
};

export function useModels(org: string, { range, period }: Live) {
  return useQuery({
    queryKey: ["models", org, range],
    queryFn: ({ signal }) =>
      anchored(range, async ({ fromUs, toUs }) => {
        const url = buildUrl(["orgs", org, "models"], { from_us: fromUs, to_us: toUs });
        return ((await fetchJson(url, signal)) as { models: readonly ModelRow[] }).models;
      }),
    ...liveOptions(period),
  });
}
