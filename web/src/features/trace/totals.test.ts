import { expect, it } from "vitest";
import type { SpanRow } from "../../api";
import { countedCalls, totalsOf } from "./totals";

const app = (id: string, more: SpanRow = {}): SpanRow => ({ span_id: id, llm_is_leaf: true, inferscope_vantage_point: "app", llm_token_count_prompt: 40, llm_token_count_completion: 10, llm_token_source: "reported", ...more });
const gateway = (id: string, parent: string | null, more: SpanRow = {}): SpanRow =>
  app(id, { inferscope_vantage_point: "gateway", ...(parent === null ? {} : { reference_parent_span_id: parent }), ...more });

it("counts a call once, from the application where it told", () => {
  const spans = [app("a"), { span_id: "x", reference_parent_span_id: "a" }, gateway("g", "x")];
  expect(countedCalls(spans).map((row) => row.span_id)).toEqual(["a"]);
  expect(totalsOf(spans)).toEqual({ calls: 1, input: 40, output: 10, origin: "reported", costUsd: null, unpriced: 1 });
});

it("counts the gateway's span where no application told", () => {
  expect(totalsOf([{ span_id: "root" }, gateway("g", "root")]).input).toBe(40);
  expect(totalsOf([gateway("g", null)]).calls).toBe(1);
});

it("keeps the absent absent and shows the weakest origin", () => {
  const failed: SpanRow = { span_id: "f", llm_is_leaf: true };
  expect(totalsOf([failed])).toEqual({ calls: 1, input: null, output: null, origin: null, costUsd: null, unpriced: 0 });
  expect(totalsOf([app("a"), app("b", { llm_token_source: "partial", llm_usage_cost_total: 0.5 })])).toMatchObject({ input: 80, output: 20, origin: "partial", costUsd: 0.5, unpriced: 1 });
});
