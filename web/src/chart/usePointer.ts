import { type PointerEvent, useRef, useState } from "react";
import type { SelectedRange } from "./types";

/** Pixels that a press must move to be a drag. */
const DRAG = 6;

type Spec = {
  fromUs: number;
  toUs: number;
  onMove: (us: number) => void;
  onLeave: () => void;
  onClick: (us: number) => void;
  onSelected: (range: SelectedRange) => void;
};

/** Press and drag over time: a click, or a range. Escape while dragging cancels. */
export function usePointer({ fromUs, toUs, onMove, onLeave, onClick, onSelected }: Spec) {
  const [selection, setSelection] = useState<SelectedRange | null>(null);
  const pressed = useRef<{ x: number; us: number } | null>(null);
  const timeAt = (event: PointerEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    return fromUs + share * (toUs - fromUs);
  };
  const cancel = (): void => {
    pressed.current = null;
    setSelection(null);
  };
  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLElement>): void => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      pressed.current = { x: event.clientX, us: timeAt(event) };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>): void => {
      const us = timeAt(event);
      onMove(us);
      const start = pressed.current;
      if (start === null || (selection === null && Math.abs(event.clientX - start.x) < DRAG)) return;
      setSelection({ fromUs: Math.min(start.us, us), toUs: Math.max(start.us, us) });
    },
    onPointerUp: (event: PointerEvent<HTMLElement>): void => {
      const start = pressed.current;
      const range = selection;
      cancel();
      if (start === null) return;
      if (range === null) onClick(timeAt(event));
      else onSelected(range);
    },
    onPointerCancel: cancel,
    onPointerLeave: onLeave,
  };
  return { selection, setSelection, cancel, handlers };
}
