import { stamp } from "../../ui";
import { printPeriod, type Range } from "../../url";

/** "1 h", "2 d": how long a preset is. */
export function lengthLabel(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds >= 172_800) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} m` : `${seconds} s`;
}

/** What the range button says. */
export function rangeLabel(range: Range, zone: string): string {
  if (range.kind === "last") return `Last ${lengthLabel(range.seconds)}`;
  const from = stamp(range.fromMs * 1000, zone);
  const to = stamp(range.toMs * 1000, zone);
  return from.slice(0, 10) === to.slice(0, 10) ? `Custom: ${from}–${to.slice(11)}` : `Custom: ${from}–${to}`;
}

export function periodLabel(seconds: number): string {
  return seconds === 0 ? "auto off" : `auto ${printPeriod(seconds).replace(/(\d+)/, "$1 ")}`;
}
