import type { SpanRow } from "../../api";
import { type Origin, weakest } from "../../ui";
import { isCall, isGateway, number, text, tokenSource } from "./facts";

export type Totals = { calls: number; input: number | null; output: number | null; origin: Origin; costUsd: number | null; unpriced: number };

/** Calls, each once: a gateway's span of a call that an application's span above it describes is left out. */
export function countedCalls(spans: readonly SpanRow[]): SpanRow[] {
  const byId = new Map(spans.map((row) => [text(row, "span_id"), row]));
  const underAppCall = (row: SpanRow): boolean => {
    const seen = new Set<string>();
    for (let at = text(row, "reference_parent_span_id"); at !== null && !seen.has(at); ) {
      seen.add(at);
      const parent = byId.get(at);
      if (!parent) return false;
      if (isCall(parent) && !isGateway(parent)) return true;
      at = text(parent, "reference_parent_span_id");
    }
    return false;
  };
  return spans.filter((row) => isCall(row) && !(isGateway(row) && underAppCall(row)));
}

function sum(rows: readonly SpanRow[], column: string): number | null {
  const values = rows.map((row) => number(row, column)).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

/** Tokens and cost of the calls of a trace; nothing is counted twice and the absent stay absent. */
export function totalsOf(spans: readonly SpanRow[]): Totals {
  const calls = countedCalls(spans);
  const withTokens = calls.filter((row) => number(row, "llm_token_count_completion") !== null);
  return {
    calls: calls.length,
    input: sum(calls, "llm_token_count_prompt"),
    output: sum(calls, "llm_token_count_completion"),
    origin: weakest(withTokens.map(tokenSource)),
    costUsd: sum(calls, "llm_usage_cost_total"),
    unpriced: withTokens.filter((row) => number(row, "llm_usage_cost_total") === null).length,
  };
}
