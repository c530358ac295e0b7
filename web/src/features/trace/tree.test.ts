import { expect, it } from "vitest";
import type { SpanRow } from "../../api";
import { buildTree, extent, visibleRows } from "./tree";

const span = (id: string, parent: string | null, at: number, duration = 10): SpanRow => ({
  span_id: id, ...(parent === null ? {} : { reference_parent_span_id: parent }), _timestamp: at, duration,
});

const shape = (spans: SpanRow[], collapsed: string[] = []): [string, number][] => visibleRows(buildTree(spans), new Set(collapsed)).map((node) => [node.id, node.depth]);

it("lays children under parents, by start", () => {
  const spans = [span("c", "a", 30), span("a", null, 0), span("b", "a", 10), span("d", "b", 12)];
  expect(shape(spans)).toEqual([["a", 0], ["b", 1], ["d", 2], ["c", 1]]);
  expect(shape(spans, ["b"])).toEqual([["a", 0], ["b", 1], ["c", 1]]);
});

it("shows a span whose parent never came as a root, and says so", () => {
  const roots = buildTree([span("a", "gone", 0), span("b", "a", 1)]);
  expect(roots.map((node) => [node.id, node.orphan])).toEqual([["a", true]]);
});

it("survives spans that are their own ancestors", () => {
  expect(shape([span("a", "b", 0), span("b", "a", 1)]).map(([id]) => id).sort()).toEqual(["a", "b"]);
  expect(shape([span("a", "a", 0)])).toEqual([["a", 0]]);
});

it("opens 20,000 spans, also when each is the child of the one before", () => {
  const chain = Array.from({ length: 20_000 }, (_, at) => span(`s${at}`, at === 0 ? null : `s${at - 1}`, at));
  expect(visibleRows(buildTree(chain), new Set())).toHaveLength(20_000);
  const wide = Array.from({ length: 20_000 }, (_, at) => span(`s${at}`, at === 0 ? null : "s0", at));
  expect(visibleRows(buildTree(wide), new Set())).toHaveLength(20_000);
});

it("spans from the first start to the last end", () => {
  expect(extent([span("a", null, 5, 10), span("b", null, 8, 100)])).toEqual({ fromUs: 5, toUs: 108 });
  expect(extent([])).toEqual({ fromUs: 0, toUs: 1 });
});
