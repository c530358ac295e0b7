import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { SpanRow } from "../../api";
import { duration } from "../../ui";
import { isError } from "./facts";
import { buildTree, extent, type Node, visibleRows } from "./tree";
import { WaterfallRow } from "./WaterfallRow";

const ROW = 28;

type Props = { spans: readonly SpanRow[]; selected: string; onSelected: (span: string) => void };

/** The next failed span after the selected one, round the end. */
function nextError(rows: readonly Node[], at: number): number {
  const order = [...rows.keys()].map((step) => (at + 1 + step) % rows.length);
  return order.find((index) => rows[index] !== undefined && isError(rows[index].row)) ?? at;
}

/** Spans over time, parents above children; only the rows on screen exist. */
export function Waterfall({ spans, selected, onSelected }: Props) {
  const roots = useMemo(() => buildTree(spans), [spans]);
  const range = useMemo(() => extent(spans), [spans]);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => visibleRows(roots, collapsed), [roots, collapsed]);
  const host = useRef<HTMLDivElement>(null);
  // The virtualizer reads the scroll position outside of React; the compiler is told so by the library.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => host.current, estimateSize: () => ROW, overscan: 12 });
  const at = Math.max(0, rows.findIndex((node) => node.id === selected));
  const fold = (id: string, folded: boolean): void => {
    const next = new Set(collapsed);
    if (folded) next.add(id);
    else next.delete(id);
    setCollapsed(next);
  };
  const choose = (index: number): void => {
    const node = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (!node) return;
    onSelected(node.id);
    virtual.scrollToIndex(rows.indexOf(node));
  };
  const keys = (event: KeyboardEvent): void => {
    const node = rows[at];
    if (event.ctrlKey || event.metaKey || event.altKey || !node) return;
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "ArrowLeft") fold(node.id, true);
    else if (event.key === "ArrowRight") fold(node.id, false);
    else if (event.key === "e") choose(nextError(rows, at));
    else return;
    event.preventDefault();
  };
  return (
    <div className="waterfall">
      <div className="waterfall-axis muted small" aria-hidden="true">
        <span />
        <div>
          {[0, 0.5, 1].map((share) => <span key={share} style={{ left: `${share * 100}%` }}>{share === 0 ? "0" : duration((share * (range.toUs - range.fromUs)) / 1e6)}</span>)}
        </div>
        <span />
      </div>
      <div className="waterfall-rows" style={{ height: `min(68vh, ${rows.length * ROW + 4}px)` }} ref={host} role="tree" tabIndex={0} aria-label={`${spans.length} spans`} aria-activedescendant={`span-${rows[at]?.id ?? ""}`} onKeyDown={keys} data-testid="waterfall">
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const node = rows[item.index];
            return node && (
              <WaterfallRow key={node.id} node={node} range={range} top={item.start} height={ROW} selected={item.index === at} collapsed={collapsed.has(node.id)} onSelected={() => onSelected(node.id)} onFolded={(folded) => fold(node.id, folded)} />
            );
          })}
        </div>
      </div>
    </div>
  );
}
