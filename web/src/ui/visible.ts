import { useSyncExternalStore } from "react";

/** Width of the window, in steps of 20 px so that a resize does not ask the server at every pixel. */
export const usePageWidth = (): number =>
  useSyncExternalStore(
    (changed) => {
      addEventListener("resize", changed);
      return () => removeEventListener("resize", changed);
    },
    () => Math.floor(innerWidth / 20) * 20,
  );

/** Whether the tab is looked at. */
export const useTabVisible = (): boolean =>
  useSyncExternalStore(
    (changed) => {
      document.addEventListener("visibilitychange", changed);
      return () => document.removeEventListener("visibilitychange", changed);
    },
    () => document.visibilityState === "visible",
  );
