import { clock } from "../ui/moment";
import { ABSENT } from "../ui/number";
import { lastAndMax } from "./scale";
import type { Buckets, ChartSeries } from "./types";

/** One sentence that says what a chart shows, for those who do not see it. */
export function summarise(series: readonly ChartSeries[], buckets: Buckets, text: (value: number | null) => string, zone: string): string {
  const parts = series
    .filter((each) => each.shape !== "band")
    .map((each) => {
      const { last, max, maxAt } = lastAndMax(each.values);
      const at = buckets.startsUs[maxAt];
      if (max === null || at === undefined) return `${each.label} ${ABSENT}`;
      return `${each.label} last ${text(last)}, highest ${text(max)} at ${clock(at, zone)}`;
    });
  return parts.length === 0 ? "All series are hidden." : `${parts.join("; ")}.`;
}
