import { expect, it } from "vitest";
import { addUp, byClass, byCode, classTotals, outcomeOf } from "./classes";

it("knows the class of a code; what is no HTTP status is none", () => {
  expect(["200", "204", "301", "404", "429", "500", "503", "101", "none", "0", "-1", "999", ""].map(outcomeOf)).toEqual(
    ["2xx", "2xx", "3xx", "4xx", "4xx", "5xx", "5xx", "1xx", "none", "none", "none", "none", "none"],
  );
});

it("adds up and keeps the unmeasured", () => {
  expect(addUp([[1, null, null], [2, 3, null]], 3)).toEqual([3, 3, null]);
});

it("stacks classes from success to server error", () => {
  const layers = byClass({ "500": [1], "200": [5], "201": [1], none: [2], "429": [3] }, 1);
  expect(layers.map((layer) => [layer.key, layer.values[0]])).toEqual([["2xx", 6], ["4xx", 3], ["none", 2], ["5xx", 1]]);
});

it("folds the ninth code and rarer ones into other", () => {
  const codes = Object.fromEntries(["200", "400", "401", "403", "404", "429", "500", "502", "503", "504"].map((code, at) => [code, [100 - at]]));
  const layers = byCode(codes, 1);
  expect(layers).toHaveLength(9);
  expect(layers.at(-1)).toMatchObject({ key: "other", values: [92 + 91] });
  expect(layers.find((layer) => layer.key === "401")?.shade).toBeGreaterThan(layers.find((layer) => layer.key === "400")?.shade ?? 1);
});

it("gives count and share together, and no share of nothing", () => {
  const totals = classTotals({ "200": 96, "429": 3, none: 1 });
  expect(totals.find((each) => each.outcome === "4xx")).toEqual({ outcome: "4xx", count: 3, share: 0.03 });
  expect(classTotals({}).every((each) => each.share === null)).toBe(true);
});
