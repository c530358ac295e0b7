import type { SpanRow } from "../../api";
import { money } from "../../ui";
import { isGateway, number, text } from "./facts";

const TOTAL = "llm_usage_cost_total";

/** Why a call has no cost, in words. */
const REASONS: Readonly<Record<string, string>> = {
  failed: "the call failed",
  no_tokens: "its tokens are not known",
  no_model: "it names no model",
  not_in_book: "the price book has no such model",
  provider_unknown: "providers differ, and it is not known who served",
  own_endpoint: "your own endpoint has no price",
  own_host: "your own host has no price",
  per_hour: "the machine is paid by the hour",
  no_output_price: "the price book has no price for output",
};

const isReported = (row: SpanRow): boolean => number(row, TOTAL) !== null && (text(row, "llm_cost_source") ?? "reported") === "reported";

/** The span of a call that its cost is read from: one that reports it, else the gateway's, which knows who served. */
export const costTeller = (call: readonly SpanRow[]): SpanRow | null => call.find(isReported) ?? call.find(isGateway) ?? call[0] ?? null;

/** What a call cost, US dollars; null if it is not priced. An estimate is no cost. */
export function costOf(call: readonly SpanRow[]): number | null {
  const row = costTeller(call);
  return row && number(row, TOTAL);
}

/** Where a span's cost comes from, or why it has none. */
export function costOrigin(row: SpanRow): string | null {
  const computed = number(row, "llm_cost_computed");
  if (isReported(row)) return computed === null ? "reported" : `reported; ${money(computed, 4)} by the price book`;
  const reason = text(row, "llm_cost_unpriced_reason");
  if (number(row, TOTAL) === null) return reason === null ? null : (REASONS[reason] ?? reason);
  return text(row, "llm_price_row") ?? text(row, "llm_cost_source");
}

/** Between which costs a call lies whose provider is not known; null where there is no estimate. */
export function costEstimate(row: SpanRow): string | null {
  const [low, median, high] = ["low", "median", "high"].map((each) => number(row, `llm_cost_estimate_${each}`));
  if (low == null || median == null || high == null) return null;
  return `≈ ${money(median, 4)} (${money(low, 4)} to ${money(high, 4)})`;
}
