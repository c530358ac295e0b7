import type { KeyboardEvent } from "react";
import type { Crosshair } from "./crosshair";
import type { Buckets, SelectedRange } from "./types";

type Spec = {
  chart: string;
  crosshair: Crosshair;
  buckets: Buckets;
  selection: SelectedRange | null;
  onSelection: (range: SelectedRange | null) => void;
  onSelected: (range: SelectedRange) => void;
  onSeries: (by: -1 | 1) => void;
  onTable: () => void;
};

function target(key: string, bucket: number, last: number): number | null {
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, bucket - 1);
    case "ArrowRight":
      return Math.min(last, bucket + 1);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** A chart is one tab stop; everything that a mouse does on it has a key. */
export function chartKeys(spec: Spec): (event: KeyboardEvent) => void {
  const { chart, crosshair, buckets, selection, onSelection, onSelected, onSeries, onTable } = spec;
  const last = buckets.startsUs.length - 1;
  const startOf = (bucket: number): number => buckets.startsUs[bucket] ?? buckets.fromUs;
  const move = (event: KeyboardEvent, from: number, to: number): void => {
    crosshair.set({ bucket: to, chart, pinned: false });
    if (!event.shiftKey) return;
    const edge = selection === null ? startOf(from) : to > from ? selection.fromUs : selection.toUs;
    const other = to > from ? startOf(to) + buckets.stepUs : startOf(to);
    onSelection({ fromUs: Math.min(edge, other), toUs: Math.max(edge, other) });
  };
  const other = (key: string, bucket: number): boolean => {
    const point = crosshair.get();
    if (key === "ArrowUp") onSeries(-1);
    else if (key === "ArrowDown") onSeries(1);
    else if (key === "Enter" && selection !== null) onSelected(selection);
    else if (key === "p" || key === "Enter") crosshair.set({ bucket, chart, pinned: point?.pinned !== true });
    else if (key === "d") onTable();
    else if (key === "Escape" && selection !== null) onSelection(null);
    else if (key === "Escape" && point !== null) crosshair.set(null);
    else return false;
    return true;
  };
  return (event) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = crosshair.get()?.bucket ?? last;
    const to = target(event.key, at, last);
    if (to !== null) move(event, at, to);
    else if (!other(event.key, at)) return;
    event.preventDefault();
    event.stopPropagation();
  };
}
