import type { TraceFilter } from "../../api";

/** Classes that an error can have; the store knows no other. */
export const ERROR_CLASSES = ["rate_limit", "quota", "auth", "gated", "permission", "not_found", "model_not_supported", "context_length", "content_filter", "bad_request", "timeout", "overloaded", "server_error", "connection", "cancelled", "other"] as const;

export const NO_FILTER: TraceFilter = { model: "", status: "", error_class: "", endpoint: "", replica: "", service: "", q: "", within: "" };

const WORDS: Readonly<Record<keyof TraceFilter, string>> = { model: "model", status: "status", error_class: "error", endpoint: "endpoint", replica: "replica", service: "service", q: "filter", within: "range" };

/** The filters that are set, as chips say them. */
export function setFilters(filter: TraceFilter): { key: keyof TraceFilter; name: string; value: string }[] {
  return (Object.keys(NO_FILTER) as (keyof TraceFilter)[]).filter((key) => filter[key] !== "").map((key) => ({ key, name: WORDS[key], value: filter[key] }));
}
