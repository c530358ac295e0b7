import type { SpanRow } from "../../api";
import { isCall, isGateway, startUs, text } from "./facts";

/** Spans that describe one model call, in the order in which they are believed: the application's, then the gateway's, its last attempt first. */
export type Call = readonly [SpanRow, ...SpanRow[]];

/** The application's call that a span lies under, however deep. */
function appCallAbove(row: SpanRow, byId: ReadonlyMap<string | null, SpanRow>): SpanRow | null {
  const seen = new Set<string>();
  for (let at = text(row, "reference_parent_span_id"); at !== null && !seen.has(at); ) {
    seen.add(at);
    const parent = byId.get(at);
    if (!parent) return null;
    if (isCall(parent) && !isGateway(parent)) return parent;
    at = text(parent, "reference_parent_span_id");
  }
  return null;
}

/** Model calls, each once: what the application sent and what the gateway saw of it below are one call. */
export function callsOf(spans: readonly SpanRow[]): Call[] {
  const byId = new Map(spans.map((row) => [text(row, "span_id"), row]));
  const calls = new Map<SpanRow, SpanRow[]>();
  const lastFirst = spans.filter(isCall).sort((a, b) => startUs(b) - startUs(a));
  for (const row of lastFirst.filter((each) => !isGateway(each))) calls.set(row, []);
  for (const row of lastFirst.filter(isGateway)) {
    const above = appCallAbove(row, byId);
    if (above === null) calls.set(row, []);
    else calls.get(above)?.push(row);
  }
  return [...calls].map(([head, below]): Call => [head, ...below]).sort(([a], [b]) => startUs(a) - startUs(b));
}

/** The span of a call that is asked for a fact: the first that has it. */
export function teller(call: readonly SpanRow[], has: (row: SpanRow) => boolean): SpanRow | null {
  return call.find(has) ?? null;
}

/** A fact of a call, from the first of its spans that has it. */
export function factOf<T>(call: readonly SpanRow[], read: (row: SpanRow) => T | null): T | null {
  const row = teller(call, (each) => read(each) !== null);
  return row === null ? null : read(row);
}
