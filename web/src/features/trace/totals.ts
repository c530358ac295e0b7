import type { SpanRow } from "../../api";
import { type Origin, weakest } from "../../ui";
import { callsOf, factOf, teller } from "./calls";
import { costOf } from "./cost";
import { number, tokenSource } from "./facts";

export type Totals = { calls: number; input: number | null; output: number | null; origin: Origin; costUsd: number | null; unpriced: number };

const column = (name: string) => (row: SpanRow): number | null => number(row, name);
const INPUT = column("llm_token_count_prompt");
const OUTPUT = column("llm_token_count_completion");

function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

/** The span of a call that its tokens are read from. */
export const tokenTeller = (call: readonly SpanRow[]): SpanRow | null => teller(call, (row) => OUTPUT(row) !== null) ?? teller(call, (row) => INPUT(row) !== null);

/** Tokens and cost of the calls of a trace; nothing is counted twice and the absent stay absent. */
export function totalsOf(spans: readonly SpanRow[]): Totals {
  const calls = callsOf(spans);
  const origin = (row: SpanRow | null): Origin => (row === null ? "absent" : tokenSource(row));
  return {
    calls: calls.length,
    input: sum(calls.map((call) => factOf(call, INPUT))),
    output: sum(calls.map((call) => factOf(call, OUTPUT))),
    origin: weakest(calls.map((call) => origin(tokenTeller(call)))),
    costUsd: sum(calls.map(costOf)),
    unpriced: calls.filter((call) => factOf(call, OUTPUT) !== null && costOf(call) === null).length,
  };
}
