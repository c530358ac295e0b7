import { expect, it } from "vitest";
import type { SpanRow } from "../../api";
import { costEstimate, costOf, costOrigin } from "./cost";
import { totalsOf } from "./totals";

const priced: SpanRow = { llm_is_leaf: true, llm_token_count_completion: 31, llm_usage_cost_total: 0.0000073, llm_cost_source: "table:exact_hub", llm_price_row: "shipped:cerebras/llama-3.1-8b" };
const estimated: SpanRow = { llm_is_leaf: true, llm_token_count_completion: 31, llm_cost_source: "table:median", llm_cost_unpriced_reason: "provider_unknown", llm_cost_estimate_low: 0.02, llm_cost_estimate_median: 0.05, llm_cost_estimate_high: 0.25 };
const served: SpanRow = { inferscope_vantage_point: "gateway", llm_cost_unpriced_reason: "own_endpoint" };

it("believes a reported cost first, then the gateway, then the application's own price", () => {
  expect(costOf([priced])).toBe(0.0000073);
  expect(costOf([priced, served])).toBeNull();
  expect(costOf([{ ...priced, llm_cost_source: "reported" }, served])).toBe(0.0000073);
  expect(costOf([{ llm_usage_cost_total: 0.5 }, served])).toBe(0.5);
  expect(costOf([{}, { ...served, llm_usage_cost_total: 2, llm_cost_source: "table:pattern" }])).toBe(2);
});

it("says where a cost comes from, or why there is none", () => {
  expect(costOrigin(priced)).toBe("shipped:cerebras/llama-3.1-8b");
  expect(costOrigin({ llm_usage_cost_total: 1, llm_cost_source: "reported", llm_cost_computed: 0.9 })).toBe("reported; $0.9000 by the price book");
  expect(costOrigin(served)).toBe("your own endpoint has no price");
  expect(costOrigin({})).toBeNull();
});

it("shows an estimate and never sums it", () => {
  expect(costEstimate(estimated)).toBe("≈ $0.0500 ($0.0200 to $0.2500)");
  expect(costEstimate(priced)).toBeNull();
  expect(totalsOf([estimated, priced])).toMatchObject({ costUsd: 0.0000073, unpriced: 1 });
});
