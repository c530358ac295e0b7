import type { ChartSeries, Pattern, Values } from "../../chart";

/** What came of a request, as the caller saw it; `none`: no HTTP status (client left, timeout, connection lost). */
export type Outcome = "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "none";

/** Bottom to top of a stack. */
export const STACK: readonly Outcome[] = ["2xx", "3xx", "1xx", "4xx", "none", "5xx"];
/** Left to right of the boxes. */
export const BOXES: readonly Outcome[] = ["2xx", "3xx", "4xx", "5xx", "none"];

const PATTERNS: Readonly<Record<Outcome, Pattern>> = { "1xx": "dots", "2xx": "solid", "3xx": "thin", "4xx": "wide", "5xx": "cross", none: "outline" };

const CODES_SHOWN = 8;

export function outcomeOf(code: string): Outcome {
  if (!/^[1-5]\d\d$/.test(code)) return "none";
  return STACK.find((outcome) => outcome.startsWith(code.charAt(0))) ?? "none";
}

/** Sums of counts, bucket by bucket; null where none of them was measured. */
export function addUp(rows: readonly Values[], buckets: number): (number | null)[] {
  return Array.from({ length: buckets }, (_, bucket) => {
    const values = rows.map((row) => row[bucket]).filter((value) => typeof value === "number");
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

type ByCode = Readonly<Record<string, Values>>;

function bar(outcome: Outcome, key: string, values: Values, shade: number): ChartSeries {
  return { key, label: key, values, color: `--s-${outcome}`, pattern: PATTERNS[outcome], shape: "bar", shade };
}

/** One stack layer for each class that occurred; 2xx always. */
export function byClass(codes: ByCode, buckets: number): ChartSeries[] {
  return STACK.flatMap((outcome) => {
    const rows = Object.entries(codes).filter(([code]) => outcomeOf(code) === outcome);
    if (rows.length === 0 && outcome !== "2xx") return [];
    return [bar(outcome, outcome, addUp(rows.map(([, values]) => values), buckets), 0)];
  });
}

const total = (values: Values): number => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

/** One layer a code, in its class's colour, the commonest darkest; the ninth and rarer ones are "other". */
export function byCode(codes: ByCode, buckets: number): ChartSeries[] {
  const common = Object.entries(codes).sort(([, a], [, b]) => total(b) - total(a));
  const shown = common.slice(0, CODES_SHOWN);
  const rest = common.slice(CODES_SHOWN);
  const layers = STACK.flatMap((outcome) =>
    shown.filter(([code]) => outcomeOf(code) === outcome).map(([code, values], rank) => bar(outcome, code, values, Math.min(0.6, rank * 0.22))),
  );
  if (rest.length === 0) return layers;
  return [...layers, bar("1xx", "other", addUp(rest.map(([, values]) => values), buckets), 0)];
}

/** Requests and share of one class over the whole range. */
export function classTotals(totals: Readonly<Record<string, number>>): { outcome: Outcome; count: number; share: number | null }[] {
  const all = Object.values(totals).reduce((sum, value) => sum + value, 0);
  return STACK.map((outcome) => {
    const count = Object.entries(totals).filter(([code]) => outcomeOf(code) === outcome).reduce((sum, [, value]) => sum + value, 0);
    return { outcome, count, share: all === 0 ? null : count / all };
  });
}
