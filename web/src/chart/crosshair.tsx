import { createContext, type ReactNode, useContext, useState, useSyncExternalStore } from "react";

/** The bucket that is looked at, on every chart of the page at once. */
export type Point = { bucket: number; /** the chart that shows the tooltip */ chart: string; pinned: boolean };

export type Crosshair = {
  get: () => Point | null;
  set: (point: Point | null) => void;
  subscribe: (listener: () => void) => () => void;
};

export function makeCrosshair(): Crosshair {
  let point: Point | null = null;
  const listeners = new Set<() => void>();
  return {
    get: () => point,
    set: (next) => {
      if (next?.bucket === point?.bucket && next?.chart === point?.chart && next?.pinned === point?.pinned) return;
      point = next;
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const Shared = createContext<Crosshair>(makeCrosshair());

/** Charts inside share one crosshair. */
export function CrosshairGroup({ crosshair, children }: { crosshair: Crosshair; children: ReactNode }) {
  return <Shared value={crosshair}>{children}</Shared>;
}

/** A crosshair of its own for one page. */
export function useOwnCrosshair(): Crosshair {
  const [crosshair] = useState(makeCrosshair);
  return crosshair;
}

export const useCrosshair = (): Crosshair => useContext(Shared);

export function usePoint(): Point | null {
  const crosshair = useCrosshair();
  return useSyncExternalStore(crosshair.subscribe, crosshair.get);
}

/** Whether a tooltip is pinned: the page then stands still. */
export function usePinned(crosshair: Crosshair): boolean {
  return useSyncExternalStore(crosshair.subscribe, () => crosshair.get()?.pinned === true);
}
