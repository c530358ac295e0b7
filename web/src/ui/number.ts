/** Numbers as people read them. Absent is a dash, never a zero; units stand after a narrow space that does not break. */
export const ABSENT = "—";
export const THIN = "\u202f";

type Absent = null | undefined;

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Three significant digits: 4.10, 83.2, 634. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return grouped.format(value);
  return value.toFixed(size >= 9.995 ? 1 : 2);
}

const padded = (value: number): string => String(value).padStart(2, "0");

/** A single duration: 640 µs, 6.34 ms, 634 ms, 1.23 s, 2 m 03 s, 1 h 04 m. */
export function duration(seconds: number | Absent): string {
  if (seconds === null || seconds === undefined) return ABSENT;
  const micros = Math.round(seconds * 1e6);
  if (micros < 1000) return `${micros}${THIN}µs`;
  if (seconds < 0.9995) return `${threeDigits(seconds * 1000)}${THIN}ms`;
  if (seconds < 59.995) return `${seconds.toFixed(2)}${THIN}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}${THIN}m ${padded(whole % 60)}${THIN}s`;
  const minutes = Math.round(seconds / 60);
  return `${grouped.format(Math.floor(minutes / 60))}${THIN}h ${padded(minutes % 60)}${THIN}m`;
}

/** One unit for a column or an axis. */
export type Unit = { readonly name: string; readonly perSecond: number };

const UNITS: readonly (Unit & { readonly below: number })[] = [
  { name: "µs", perSecond: 1e6, below: 0.001 },
  { name: "ms", perSecond: 1000, below: 10 },
  { name: "s", perSecond: 1, below: 600 },
  { name: "min", perSecond: 1 / 60, below: Infinity },
];

/** The unit that suits the median of what is visible. Milliseconds hold on until 10 s, so that columns compare by eye. */
export function unitFor(seconds: readonly (number | Absent)[]): Unit {
  const sorted = seconds.filter((value) => typeof value === "number").sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0.1;
  return UNITS.find((unit) => median < unit.below) ?? { name: "s", perSecond: 1 };
}

/** A duration in a column whose header names the unit. */
export function inUnit(seconds: number | Absent, unit: Unit): string {
  if (seconds === null || seconds === undefined) return ABSENT;
  const value = seconds * unit.perSecond;
  if (unit.name === "s" || unit.name === "min") return value >= 1000 ? grouped.format(value) : value.toFixed(value >= 100 ? 1 : 2);
  return value !== 0 && Math.abs(value) < 10 ? value.toFixed(2) : grouped.format(value);
}

const SCALES = [
  { from: 999.5e6, by: 1e9, suffix: "B" },
  { from: 999.5e3, by: 1e6, suffix: "M" },
  { from: 9_999.5, by: 1e3, suffix: "k" },
] as const;

/** A count: 9,593, then 12.3 k, 4.56 M. */
export function count(value: number | Absent): string {
  if (value === null || value === undefined) return ABSENT;
  const scale = SCALES.find(({ from }) => Math.abs(value) >= from);
  return scale ? `${threeDigits(value / scale.by)}${THIN}${scale.suffix}` : grouped.format(value);
}

/** A count to the last digit, for tooltips. */
export function exactCount(value: number | Absent): string {
  return value === null || value === undefined ? ABSENT : grouped.format(value);
}

/** A mean of counts (pending, replicas): whole where it is whole, else two decimals. */
export function level(value: number | Absent): string {
  if (value === null || value === undefined) return ABSENT;
  return Number.isInteger(value) ? count(value) : threeDigits(value);
}

export type Origin = "reported" | "derived" | "estimated" | "partial" | "absent" | null;

const MARKS: Readonly<Record<Exclude<Origin, null>, string>> = { reported: "", derived: "≈", estimated: "≈", partial: "≥", absent: "≥" };
const WEAKEST: readonly Origin[] = ["absent", "partial", "estimated", "derived", "reported"];

/** Tokens with the mark of where the count came from; a sum shows the weakest mark in it. */
export function tokens(value: number | Absent, origin: Origin): string {
  if (value === null || value === undefined) return ABSENT;
  const mark = MARKS[origin ?? "reported"];
  return mark === "" ? count(value) : `${mark}${THIN}${count(value)}`;
}

export function weakest(origins: readonly Origin[]): Origin {
  return WEAKEST.find((origin) => origins.includes(origin)) ?? null;
}

/** A rate: 83.2 tok/s, 4.10 req/s. */
export function rate(value: number | Absent, unit: string): string {
  if (value === null || value === undefined) return ABSENT;
  return `${Math.abs(value) >= 9_999.5 ? count(value) : threeDigits(value)}${THIN}${unit}`;
}

function amount(dollars: number, decimals: number): string {
  if (dollars < 0.01) {
    const places = Math.min(20, 1 - Math.floor(Math.log10(dollars)));
    return `$${dollars.toFixed(places)}`;
  }
  return dollars < 999.995 ? `$${dollars.toFixed(decimals)}` : `$${grouped.format(dollars)}`;
}

/** Money of one span (four decimals) or of a sum (two): an amount, `free`, or `unpriced`. */
export function money(dollars: number | Absent, decimals: 2 | 4 = 2): string {
  if (dollars === null || dollars === undefined) return "unpriced";
  return dollars === 0 ? "free" : amount(dollars, decimals);
}

/** A sum that leaves out `unpriced` calls says that it is a lower bound. */
export function moneySum(dollars: number | Absent, unpriced: number): string {
  if (dollars === null || dollars === undefined || unpriced === 0) return money(dollars);
  return dollars === 0 ? "unpriced in part" : `≥${THIN}${amount(dollars, 2)}`;
}

/** A share of 1 as a percentage; never rounded to none or to all. */
export function percent(share: number | Absent): string {
  if (share === null || share === undefined) return ABSENT;
  if (share === 0) return `0${THIN}%`;
  if (share === 1) return `100${THIN}%`;
  if (share > 0 && share < 0.001) return `<${THIN}0.1${THIN}%`;
  if (share < 1 && share >= 0.9995) return `>${THIN}99.9${THIN}%`;
  return `${(share * 100).toFixed(1)}${THIN}%`;
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes: 28.3 GiB. */
export function bytes(value: number | Absent): string {
  if (value === null || value === undefined) return ABSENT;
  let scaled = value;
  let power = 0;
  while (Math.abs(scaled) >= 999.5 && power < BINARY.length - 1) {
    scaled /= 1024;
    power += 1;
  }
  return `${power === 0 ? grouped.format(scaled) : threeDigits(scaled)}${THIN}${BINARY[power] ?? ""}`;
}

/** "p99 of 37": a percentile of few samples carries their number. */
export function fewSamples(samples: number): string | null {
  return samples < 100 ? `of ${grouped.format(samples)}` : null;
}
