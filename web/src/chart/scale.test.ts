import { expect, it } from "vitest";
import { bucketAt, lastAndMax, ranked, stackTotals, yRange } from "./scale";
import type { ChartSeries } from "./types";

const bar = (key: string, values: (number | null)[]): ChartSeries => ({ key, label: key, values, color: "--x", shape: "bar" });
const line = (key: string, values: (number | null)[]): ChartSeries => ({ ...bar(key, values), shape: "line" });

it("stacks bars and keeps an unmeasured bucket unmeasured", () => {
  const series = [bar("2xx", [1, null, 0]), bar("5xx", [2, null, null]), line("p50", [100, 100, 100])];
  expect(stackTotals(series, 3)).toEqual([3, null, 0]);
});

it("starts at zero, and at a power of ten when logarithmic", () => {
  expect(yRange([line("p50", [2, null, 50])], 3, false)).toEqual([0, 54]);
  expect(yRange([line("p50", [null])], 1, false)).toEqual([0, 1]);
  expect(yRange([line("p50", [0.02, 0, 5])], 3, true)).toEqual([0.01, 10]);
});

it("finds the bucket of a moment", () => {
  const starts = [1000, 1010, 1020];
  expect([999, 1000, 1019, 1029, 1030].map((us) => bucketAt(starts, 10, us))).toEqual([undefined, 0, 1, 2, undefined]);
  expect(bucketAt([], 10, 1000)).toBeUndefined();
});

it("ranks by value with the absent last", () => {
  const order = ranked([line("a", [1]), line("b", [null]), line("c", [3])], 0);
  expect(order.map(({ series, value }) => [series.key, value])).toEqual([["c", 3], ["a", 1], ["b", null]]);
});

it("knows the last and the largest measured value", () => {
  expect(lastAndMax([1, 9, null, 4, null])).toEqual({ last: 4, max: 9, maxAt: 1 });
  expect(lastAndMax([null])).toEqual({ last: null, max: null, maxAt: -1 });
});
