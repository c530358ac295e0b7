import { useQuery } from "@tanstack/react-query";
import { buildUrl, fetchJson } from "./client";
import { anchored, type Live, liveOptions } from "./live";

export type Segment = { status: string; from_us: number; /** null: still so */ to_us: number | null; message: string | null };

export type Phase = { status: string; n?: number; p50_s: number | null; p95_s: number | null; max_s: number | null };

export type Timeline = {
  replicas: readonly { replica_id: string; segments: readonly Segment[] }[];
  startup: { n: number; phases: readonly Phase[] };
};

export function useTimeline(org: string, endpoint: string, { range, period }: Live) {
  return useQuery({
    queryKey: ["timeline", org, endpoint, range],
    queryFn: ({ signal }) =>
      anchored(range, async ({ fromUs, toUs }) => {
        const url = buildUrl(["orgs", org, "endpoints", endpoint, "timeline"], { from_us: fromUs, to_us: toUs });
        return (await fetchJson(url, signal)) as Timeline;
      }),
    ...liveOptions(period),
  });
}
