/** Bucket widths in seconds. The finest is the 10 s that rollups are kept in; every other is a multiple of it. */
const STEPS: readonly number[] = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** The smallest width that gives at most `budget` buckets. */
export function stepFor(seconds: number, budget: number): number {
  return STEPS.find((step) => seconds / step <= budget) ?? 86_400;
}

/** One bucket per four pixels of a chart; charts stand two in a row from 960 px on. */
export function bucketBudget(pageWidth: number): number {
  const rail = pageWidth >= 1280 ? 200 : pageWidth >= 640 ? 56 : 0;
  const room = pageWidth - rail - 64;
  const chart = pageWidth >= 960 ? room / 2 : room;
  return Math.max(40, Math.floor((chart - 90) / 4 / 20) * 20);
}
