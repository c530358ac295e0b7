import { useQuery } from "@tanstack/react-query";
import { buildUrl, fetchJson } from "./client";
import { anchored, type Live, liveOptions } from "./live";

export type EndpointState = "running" | "initializing" | "failed" | "pending" | "scaledToZero";

export type EndpointWindow = {
  requests: number;
  failed: number;
  requests_per_minute: number;
  error_share: number | null;
  latency_p95_s: number | null;
  ttft_p95_s: number | null;
  sparkline: readonly (number | null)[];
};

export type Endpoint = {
  namespace: string;
  name: string;
  model: string | null;
  engine: string | null;
  state: EndpointState;
  /** Why it is in that state, where there is something to say. */
  message?: string | null;
  url: string;
  replicas: { running: number; min: number; max: number };
  pending: number | null;
  window: EndpointWindow;
};

export type Replica = {
  replica_id: string;
  status: string;
  since_us: number | null;
  message: string | null;
  url: string | null;
  engine: string | null;
  pid: number | null;
  pending: number | null;
};

export type EndpointDetail = Endpoint & { replica_list: readonly Replica[] };

export function useEndpoints(org: string, { range, period }: Live) {
  return useQuery({
    queryKey: ["endpoints", org, range],
    queryFn: ({ signal }) =>
      anchored(range, async ({ fromUs, toUs }) => {
        const url = buildUrl(["orgs", org, "endpoints"], { from_us: fromUs, to_us: toUs });
        return ((await fetchJson(url, signal)) as { endpoints: readonly Endpoint[] }).endpoints;
      }),
    ...liveOptions(period),
  });
}

export function useEndpoint(org: string, name: string, { range, period }: Live) {
  return useQuery({
    queryKey: ["endpoint", org, name, range],
    queryFn: ({ signal }) =>
      anchored(range, async ({ fromUs, toUs }) => {
        const url = buildUrl(["orgs", org, "endpoints", name], { from_us: fromUs, to_us: toUs });
        return (await fetchJson(url, signal)) as EndpointDetail;
      }),
    ...liveOptions(period),
  });
}
