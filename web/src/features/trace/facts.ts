import type { Exact, SpanRow, TokenSource } from "../../api";

/** Typed reads of a stored row; a column that is not there, or is of another type, is null. */
export function text(row: SpanRow, column: string): string | null {
  const value = row[column];
  return typeof value === "string" && value !== "" ? value : null;
}

export function number(row: SpanRow, column: string): number | null {
  const value = row[column];
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" ? value : null;
}

/** A column that holds JSON as text, or holds it already read. */
export function json(row: SpanRow, column: string): Exact | null {
  const value = row[column];
  if (typeof value !== "string") return value ?? null;
  try {
    return JSON.parse(value) as Exact;
  } catch {
    return value;
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Start in µs since 1970. */
export const startUs = (row: SpanRow): number => number(row, "_timestamp") ?? (number(row, "start_time") ?? 0) / 1000;
export const durationUs = (row: SpanRow): number => number(row, "duration") ?? 0;
export const isError = (row: SpanRow): boolean => row.span_status === "ERROR";
/** The one span that stands for a model call. */
export const isCall = (row: SpanRow): boolean => row.llm_is_leaf === true;
export const isGateway = (row: SpanRow): boolean => row.inferscope_vantage_point === "gateway";

export function tokenSource(row: SpanRow): TokenSource {
  const source = row.llm_token_source;
  return source === "reported" || source === "derived" || source === "estimated" || source === "partial" || source === "absent" ? source : null;
}
