import type { SpanRow } from "../../api";
import { durationUs, startUs, text } from "./facts";

export type Node = {
  row: SpanRow;
  id: string;
  depth: number;
  children: Node[];
  /** Its parent is not in the trace: it was not sent, or is late. */
  orphan: boolean;
};

/** Spans as a forest, children by start. A span whose parent is missing, or that is its own ancestor, is a root. */
export function buildTree(spans: readonly SpanRow[]): Node[] {
  const nodes = new Map<string, Node>();
  for (const row of spans) {
    const id = text(row, "span_id") ?? `row-${nodes.size}`;
    nodes.set(id, { row, id, depth: 0, children: [], orphan: false });
  }
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parentId = text(node.row, "reference_parent_span_id");
    const parent = parentId === null ? undefined : nodes.get(parentId);
    if (parent) parent.children.push(node);
    else roots.push(Object.assign(node, { orphan: parentId !== null }));
  }
  breakRings(nodes, roots);
  layOut(roots);
  return roots;
}

/** What no root leads to goes round in a ring; the first span of each ring becomes a root. */
function breakRings(nodes: ReadonlyMap<string, Node>, roots: Node[]): void {
  const reached = new Set<Node>();
  const reach = (from: Node[]): void => {
    for (let node = from.pop(); node; node = from.pop()) {
      reached.add(node);
      for (const child of node.children) from.push(child);
    }
  };
  reach([...roots]);
  for (const node of nodes.values()) {
    if (reached.has(node)) continue;
    const parent = nodes.get(text(node.row, "reference_parent_span_id") ?? "");
    if (parent) parent.children = parent.children.filter((child) => child !== node);
    roots.push(Object.assign(node, { orphan: true }));
    reach([node]);
  }
}

/** Sorts and counts depth without recursion: a trace may be 20,000 spans deep. */
function layOut(roots: Node[]): void {
  const byStart = (a: Node, b: Node): number => startUs(a.row) - startUs(b.row);
  roots.sort(byStart);
  const open = [...roots];
  for (let node = open.pop(); node; node = open.pop()) {
    node.children.sort(byStart);
    for (const child of node.children) {
      child.depth = node.depth + 1;
      open.push(child);
    }
  }
}

/** Rows of the waterfall from top to bottom; children of collapsed spans are left out. */
export function visibleRows(roots: readonly Node[], collapsed: ReadonlySet<string>): Node[] {
  const rows: Node[] = [];
  const open = [...roots].reverse();
  for (let node = open.pop(); node; node = open.pop()) {
    rows.push(node);
    if (!collapsed.has(node.id)) for (const child of node.children.toReversed()) open.push(child);
  }
  return rows;
}

/** First start and last end of all spans, µs. */
export function extent(spans: readonly SpanRow[]): { fromUs: number; toUs: number } {
  let fromUs = Infinity;
  let toUs = -Infinity;
  for (const row of spans) {
    fromUs = Math.min(fromUs, startUs(row));
    toUs = Math.max(toUs, startUs(row) + durationUs(row));
  }
  return fromUs === Infinity ? { fromUs: 0, toUs: 1 } : { fromUs, toUs: Math.max(toUs, fromUs + 1) };
}
