import { expect, it } from "vitest";
import type { SpanRow } from "../../api";
import { callsOf, factOf } from "./calls";
import { number } from "./facts";
import { totalsOf } from "./totals";

const app = (id: string, more: SpanRow = {}): SpanRow => ({ span_id: id, llm_is_leaf: true, inferscope_vantage_point: "app", llm_token_count_prompt: 40, llm_token_count_completion: 10, llm_token_source: "reported", ...more });
const gateway = (id: string, parent: string | null, more: SpanRow = {}): SpanRow =>
  app(id, { inferscope_vantage_point: "gateway", ...(parent === null ? {} : { reference_parent_span_id: parent }), ...more });
const ids = (spans: readonly SpanRow[]): unknown[] => callsOf(spans).map((call) => call.map((row) => row.span_id));

it("counts a call once, from the application where it told", () => {
  const spans = [app("a"), { span_id: "x", reference_parent_span_id: "a" }, gateway("g", "x")];
  expect(ids(spans)).toEqual([["a", "g"]]);
  expect(totalsOf(spans)).toEqual({ calls: 1, input: 40, output: 10, origin: "reported", costUsd: null, unpriced: 1 });
});

it("counts the gateway's span where no application told", () => {
  expect(totalsOf([{ span_id: "root" }, gateway("g", "root")]).input).toBe(40);
  expect(totalsOf([gateway("g", null)]).calls).toBe(1);
});

it("takes each fact that the application does not have from the gateway, and its mark with it", () => {
  const silent: SpanRow = { span_id: "a", llm_is_leaf: true, gen_ai_response_time_to_first_chunk: 0.2 };
  const spans = [silent, gateway("g", "a", { llm_token_count_prompt: 5, llm_token_count_completion: 24, llm_token_source: "derived", gen_ai_response_time_to_first_chunk: 0.1, llm_usage_cost_total: 0.5 })];
  expect(totalsOf(spans)).toEqual({ calls: 1, input: 5, output: 24, origin: "derived", costUsd: 0.5, unpriced: 0 });
  expect(callsOf(spans).map((call) => factOf(call, (row) => number(row, "gen_ai_response_time_to_first_chunk")))).toEqual([0.2]);
});

it("believes the last of several attempts", () => {
  const silent: SpanRow = { span_id: "a", llm_is_leaf: true, _timestamp: 0 };
  const failed: SpanRow = { span_id: "g1", llm_is_leaf: true, inferscope_vantage_point: "gateway", reference_parent_span_id: "a", _timestamp: 1 };
  const spans = [silent, failed, gateway("g2", "a", { _timestamp: 2 })];
  expect(ids(spans)).toEqual([["a", "g2", "g1"]]);
  expect(totalsOf(spans)).toMatchObject({ calls: 1, input: 40, output: 10 });
});

it("keeps calls in the order of their starts, and survives rings", () => {
  expect(ids([app("b", { _timestamp: 2 }), app("a", { _timestamp: 1 })])).toEqual([["a"], ["b"]]);
  expect(ids([gateway("g", "h"), { span_id: "h", reference_parent_span_id: "g" }])).toEqual([["g"]]);
});

it("keeps the absent absent and shows the weakest origin", () => {
  const failed: SpanRow = { span_id: "f", llm_is_leaf: true };
  expect(totalsOf([failed])).toEqual({ calls: 1, input: null, output: null, origin: "absent", costUsd: null, unpriced: 0 });
  expect(totalsOf([app("a"), failed])).toMatchObject({ input: 40, origin: "absent" });
  expect(totalsOf([app("a"), app("b", { llm_token_source: "partial", llm_usage_cost_total: 0.5 })])).toMatchObject({ input: 80, output: 20, origin: "partial", costUsd: 0.5, unpriced: 1 });
});
