import { useNavigate, useRouter } from "@tanstack/react-router";
import { printRange, type Range } from "./range";
import type { Search } from "./search";

declare module "@tanstack/react-router" {
  // Interface merging is how the router is told of its history state.
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions
  interface HistoryState {
    /** How many zooms lie behind this entry. */
    zooms?: number;
  }
}

/** Changes the range of the page so that Back undoes it, and goes back one zoom (never off the page). */
export function useZoom(): { zoom: (range: Range) => void; unzoom: () => void } {
  const navigate = useNavigate();
  const router = useRouter();
  const zooms = (): number => router.state.location.state.zooms ?? 0;
  return {
    zoom: (range) => {
      void navigate({ to: ".", search: (old: Search) => ({ ...old, ...printRange(range) }), state: (old) => ({ ...old, zooms: zooms() + 1 }) });
    },
    unzoom: () => {
      if (zooms() > 0) router.history.back();
    },
  };
}
