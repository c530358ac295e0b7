import type { ChartSeries, Values } from "../../chart";

const COLORS = ["--slot-a", "--slot-b", "--slot-c", "--slot-d", "--slot-e", "--slot-f"] as const;

/** Colours stay with a replica for the session, on every panel. */
const taken = new Map<string, number>();

function slotOf(replica: string): number {
  const known = taken.get(replica);
  if (known !== undefined) return known;
  taken.set(replica, taken.size);
  return taken.size - 1;
}

type Shape = Pick<ChartSeries, "shape">["shape"];

/** One series a replica: six colours, then the same dashed, then grey. */
export function replicaSeries(rows: Readonly<Record<string, Values>>, shape: Shape): ChartSeries[] {
  return Object.entries(rows).map(([replica, values]) => {
    const slot = slotOf(replica);
    const base = { key: replica, label: replica, short: replica.slice(-5), values, shape };
    if (slot >= 12) return { ...base, color: "--muted", width: 1 };
    return { ...base, color: COLORS[slot % 6] ?? "--muted", dash: slot >= 6 ? ("dashed" as const) : ("solid" as const) };
  });
}

/** Least and greatest over replicas, bucket by bucket. */
export function band(rows: readonly Values[], buckets: number): { low: (number | null)[]; high: (number | null)[] } {
  const of = (bucket: number): number[] => rows.map((row) => row[bucket]).filter((value) => typeof value === "number");
  const fold = (choose: (...values: number[]) => number): (number | null)[] =>
    Array.from({ length: buckets }, (_, bucket) => (of(bucket).length === 0 ? null : choose(...of(bucket))));
  return { low: fold(Math.min), high: fold(Math.max) };
}
