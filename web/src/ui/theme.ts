import { useSyncExternalStore } from "react";

/** `system` follows the operating system; the others override it in this browser. */
export type Theme = "system" | "light" | "dark";

const KEY = "inferscope.theme";
const listeners = new Set<() => void>();
const systemDark = (): MediaQueryList => matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Puts the kept choice on the page; called once before the first paint. */
export function applyTheme(): void {
  const theme = chosen();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  const system = systemDark();
  system.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener("change", listener);
  };
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, chosen);

/** Which colours are on screen now: canvases must be drawn anew when it changes. */
export const useLightOrDark = (): "light" | "dark" =>
  useSyncExternalStore(subscribe, () => {
    const theme = chosen();
    if (theme !== "system") return theme;
    return systemDark().matches ? "dark" : "light";
  });
