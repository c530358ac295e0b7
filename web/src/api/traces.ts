import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Range, resolve } from "../url/range";
import { buildUrl, fetchJson, fetchText } from "./client";
import { type Exact, parseExact } from "./exact";

export type TokenSource = "reported" | "derived" | "estimated" | "partial" | "absent" | null;

export type TraceRow = {
  trace_id: string;
  /** Where its spans are. */
  streams: readonly string[];
  started_us: number;
  duration_us: number;
  operation_name: string | null;
  service_name: string | null;
  status: string;
  error_class: string | null;
  error_message: string | null;
  model_requested: string | null;
  model_answered: string | null;
  ttft_s: number | null;
  tokens_input: number | null;
  tokens_output: number | null;
  token_source: TokenSource;
  cost_usd: number | null;
  endpoint: string | null;
  replica_id: string | null;
  http_status: number | null;
  spans: number;
  calls: number;
  input_preview: string | null;
};

/** A field of the filter that no span has, and the one that may have been meant. */
export type UnknownField = { field: string; nearest: string | null };

export type TracePage = { traces: readonly TraceRow[]; next: string | null; took_ms: number; unknown_fields: readonly UnknownField[] };

/** Filters as the API spells them; an empty one does not filter. */
export type TraceFilter = {
  model: string;
  status: string;
  error_class: string;
  endpoint: string;
  replica: string;
  service: string;
  /** The filter language of docs/api.md. */
  q: string;
  /** `ended`: the range is about the ends of calls, as in the graphs. */
  within: string;
};

const PAGE = 50;

type Cursor = { fromUs: number; toUs: number; before: string | null };

async function fetchPage(org: string, filter: TraceFilter, at: Cursor, signal: AbortSignal): Promise<TracePage & Cursor> {
  const query = { from_us: at.fromUs, to_us: at.toUs, ...filter, limit: PAGE, before: at.before };
  const page = (await fetchJson(buildUrl(["orgs", org, "traces"], query), signal)) as TracePage;
  return { ...page, ...at };
}

/** Pages of one list: the range is anchored by the first page, so that a later page never skips or repeats. */
export function useTraces(org: string, range: Range, filter: TraceFilter) {
  return useInfiniteQuery({
    queryKey: ["traces", org, range, filter],
    queryFn: ({ signal, pageParam }) =>
      fetchPage(org, filter, pageParam ?? { ...resolve(range, Date.now()), before: null }, signal),
    initialPageParam: null as Cursor | null,
    getNextPageParam: (last) => (last.next === null ? null : { fromUs: last.fromUs, toUs: last.toUs, before: last.next }),
    refetchOnWindowFocus: false,
    staleTime: 2000,
  });
}

/** The newest page, asked again and again beside a list that stands still; `first` is the list's own first page. */
export function useNewestTraces(org: string, range: Range, filter: TraceFilter, period: number, first: TracePage | undefined) {
  return useQuery({
    queryKey: ["traces-newest", org, range, filter],
    queryFn: ({ signal }): Promise<TracePage> => fetchPage(org, filter, { ...resolve(range, Date.now()), before: null }, signal),
    enabled: period > 0 && first !== undefined,
    initialData: first,
    refetchInterval: period === 0 ? false : period * 1000,
    staleTime: period * 1000,
  });
}

/** A stored row: every column that is not null. */
export type SpanRow = Readonly<Record<string, Exact>>;

export type Trace = { trace_id: string; streams: readonly string[]; spans: readonly SpanRow[]; truncated: boolean };

export function useTrace(org: string, traceId: string) {
  return useQuery({
    queryKey: ["trace", org, traceId],
    queryFn: async ({ signal }) =>
      parseExact(await fetchText(buildUrl(["orgs", org, "traces", traceId]), signal)) as unknown as Trace,
    staleTime: 30_000,
  });
}
