import type { SpanRow } from "../../api";
import { type Origin, weakest } from "../../ui";
import { type Call, callsOf, factOf, teller } from "./calls";
import { number, tokenSource } from "./facts";

export type Totals = { calls: number; input: number | null; output: number | null; origin: Origin; costUsd: number | null; unpriced: number };

const column = (name: string) => (row: SpanRow): number | null => number(row, name);
const INPUT = column("llm_token_count_prompt");
const OUTPUT = column("llm_token_count_completion");
const COST = column("llm_usage_cost_total");

function sum(calls: readonly Call[], read: (row: SpanRow) => number | null): number | null {
  const values = calls.map((call) => factOf(call, read)).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

/** The span of a call that its tokens are read from. */
export const tokenTeller = (call: readonly SpanRow[]): SpanRow | null => teller(call, (row) => OUTPUT(row) !== null) ?? teller(call, (row) => INPUT(row) !== null);

/** Tokens and cost of the calls of a trace; nothing is counted twice and the absent stay absent. */
export function totalsOf(spans: readonly SpanRow[]): Totals {
  const calls = callsOf(spans);
  const tellers = calls.map(tokenTeller).filter((row) => row !== null);
  return {
    calls: calls.length,
    input: sum(calls, INPUT),
    output: sum(calls, OUTPUT),
    origin: weakest(tellers.map(tokenSource)),
    costUsd: sum(calls, COST),
    unpriced: calls.filter((call) => factOf(call, OUTPUT) !== null && factOf(call, COST) === null).length,
  };
}
