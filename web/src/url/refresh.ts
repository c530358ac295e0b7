import { HOUR, type Range } from "./range";
import { type History, type UrlParam, useUrlParam } from "./param";

/** Seconds between two looks at the server; 0 is off. */
export const PERIODS: readonly number[] = [0, 5, 10, 30, 60, 300];

const param: UrlParam<number | "auto"> = {
  names: ["refresh"],
  read: ({ refresh }) => PERIODS.find((seconds) => refresh === printPeriod(seconds)),
  print: (value) => ({ refresh: value === "auto" ? undefined : printPeriod(value) }),
  fallback: "auto",
};

export const refreshParam = param;

export function printPeriod(seconds: number): string {
  if (seconds === 0) return "off";
  return seconds < 60 ? `${seconds}s` : `${seconds / 60}m`;
}

/** 10 s while the range ends at now and is at most an hour, else off; what the address says goes first. */
export function periodFor(chosen: number | "auto", range: Range): number {
  if (range.kind === "fixed") return 0;
  if (chosen !== "auto") return chosen;
  return range.seconds <= HOUR ? 10 : 0;
}

export function useRefresh(range: Range): [number, (seconds: number, history?: History) => void] {
  const [chosen, choose] = useUrlParam(param);
  return [periodFor(chosen, range), choose];
}
