import type { ChartSeries } from "./types";

/** Sum of the bars of each bucket; null where no bar was measured. */
export function stackTotals(series: readonly ChartSeries[], buckets: number): (number | null)[] {
  const bars = series.filter((each) => each.shape === "bar");
  return Array.from({ length: buckets }, (_, bucket) => {
    const values = bars.map((bar) => bar.values[bucket]).filter((value) => typeof value === "number");
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

function numbers(series: readonly ChartSeries[], buckets: number): number[] {
  const drawn = series.filter((each) => each.shape !== "bar").flatMap((each) => [...each.values, ...(each.upper ?? [])]);
  return [...drawn, ...stackTotals(series, buckets)].filter((value) => typeof value === "number");
}

/** The least and greatest value of the y axis: from 0, with a little air; by powers of ten when logarithmic. */
export function yRange(series: readonly ChartSeries[], buckets: number, log: boolean): [number, number] {
  const values = numbers(series, buckets);
  const top = values.reduce((most, value) => Math.max(most, value), 0);
  if (!log) return [0, top === 0 ? 1 : top * 1.08];
  const positive = values.filter((value) => value > 0);
  const least = positive.reduce((low, value) => Math.min(low, value), Infinity);
  if (least === Infinity) return [0.1, 1];
  return [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(top * 1.0001))];
}

/** Which bucket a moment falls in; undefined outside of them all. */
export function bucketAt(startsUs: readonly number[], stepUs: number, us: number): number | undefined {
  const first = startsUs[0];
  if (first === undefined) return undefined;
  const bucket = Math.floor((us - first) / stepUs);
  return bucket >= 0 && bucket < startsUs.length ? bucket : undefined;
}

/** Series of one bucket, largest first; the unmeasured ones last. */
export function ranked(series: readonly ChartSeries[], bucket: number): { series: ChartSeries; value: number | null }[] {
  return series
    .filter((each) => each.shape !== "band")
    .map((each) => ({ series: each, value: each.values[bucket] ?? null }))
    .sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
}

/** Last measured value and the largest one; null where nothing was measured. */
export function lastAndMax(values: readonly (number | null)[]): { last: number | null; max: number | null; maxAt: number } {
  let last: number | null = null;
  let max: number | null = null;
  let maxAt = -1;
  values.forEach((value, bucket) => {
    if (value === null) return;
    last = value;
    if (max === null || value > max) [max, maxAt] = [value, bucket];
  });
  return { last, max, maxAt };
}
