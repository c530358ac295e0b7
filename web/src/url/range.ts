import type { UrlParam } from "./param";
import type { Search } from "./search";

/** The time that a page is about: up to now, or between two fixed moments (ms since 1970). */
export type Range = { kind: "last"; seconds: number } | { kind: "fixed"; fromMs: number; toMs: number };

/** A range at one moment, in the API's unit: µs since 1970. */
export type Span = { fromUs: number; toUs: number };

export const HOUR = 3600;
export const PRESETS: readonly number[] = [300, 900, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR, 720 * HOUR, 2160 * HOUR];

/** Ten buckets of the finest resolution that is stored: nothing smaller can be drawn. */
export const SHORTEST_S = 100;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: HOUR, d: 24 * HOUR };

/** `now-1h` back to seconds. */
export function parseAgo(text: string): number | undefined {
  const match = /^now-(\d{1,7})([smhd])$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ""];
  return match && unit ? Number(match[1]) * unit : undefined;
}

export function printAgo(seconds: number): string {
  if (seconds % 86400 === 0) return `now-${seconds / 86400}d`;
  if (seconds % HOUR === 0) return `now-${seconds / HOUR}h`;
  return seconds % 60 === 0 ? `now-${seconds / 60}m` : `now-${seconds}s`;
}

/** Epoch seconds or milliseconds, ISO with a zone, or `now` and `now-90m`; anything else is no moment. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "now") return nowMs;
  const ago = parseAgo(trimmed);
  if (ago !== undefined) return nowMs - ago * 1000;
  if (/^\d{10}$/.test(trimmed)) return Number(trimmed) * 1000;
  if (/^\d{13}$/.test(trimmed)) return Number(trimmed);
  if (!/^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(trimmed)) return undefined;
  const ms = Date.parse(trimmed);
  return Number.isNaN(ms) ? undefined : ms;
}

function read(search: Search): Range | undefined {
  const { from, to } = search;
  const ago = from === undefined ? undefined : parseAgo(from);
  if (ago !== undefined && ago > 0 && (to === undefined || to === "now")) return { kind: "last", seconds: ago };
  if (from === undefined || to === undefined || from.startsWith("now") || to.startsWith("now")) return undefined;
  const fromMs = parseMoment(from, 0);
  const toMs = parseMoment(to, 0);
  return fromMs !== undefined && toMs !== undefined && fromMs < toMs ? { kind: "fixed", fromMs, toMs } : undefined;
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");

export function printRange(range: Range): Search {
  return range.kind === "last"
    ? { from: printAgo(range.seconds), to: "now" }
    : { from: iso(range.fromMs), to: iso(range.toMs) };
}

export const rangeParam: UrlParam<Range> = {
  names: ["from", "to"],
  read,
  print: printRange,
  fallback: { kind: "last", seconds: HOUR },
};

export function resolve(range: Range, nowMs: number): Span {
  if (range.kind === "fixed") return { fromUs: range.fromMs * 1000, toUs: range.toMs * 1000 };
  return { fromUs: (nowMs - range.seconds * 1000) * 1000, toUs: nowMs * 1000 };
}

export function lengthSeconds(range: Range): number {
  return range.kind === "last" ? range.seconds : (range.toMs - range.fromMs) / 1000;
}

/** A fixed range on whole seconds, widened round its centre where it is shorter than can be drawn. */
export function fixed(fromMs: number, toMs: number): Range {
  const [low, high] = fromMs <= toMs ? [fromMs, toMs] : [toMs, fromMs];
  const missing = Math.max(0, SHORTEST_S * 1000 - (high - low)) / 2;
  const second = (ms: number): number => Math.round(ms / 1000) * 1000;
  return { kind: "fixed", fromMs: second(low - missing), toMs: second(high + missing) };
}

/** The range moved by half its length; `by` is -1 for earlier, 1 for later. Never ends after now. */
export function shift(range: Range, by: -1 | 1, nowMs: number): Range {
  const { fromUs, toUs } = resolve(range, nowMs);
  const length = (toUs - fromUs) / 1000;
  const to = Math.min(toUs / 1000 + (by * length) / 2, nowMs);
  return fixed(to - length, to);
}

/** Twice as long round the same centre; a range up to now stays up to now. */
export function zoomOut(range: Range, nowMs: number): Range {
  if (range.kind === "last") return { kind: "last", seconds: range.seconds * 2 };
  const half = (range.toMs - range.fromMs) / 2;
  const to = Math.min(range.toMs + half, nowMs);
  return fixed(to - 4 * half, to);
}
