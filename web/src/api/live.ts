import { keepPreviousData } from "@tanstack/react-query";
import { type Range, resolve, type Span } from "../url/range";

/** How a resource that follows the clock is asked again. */
export type Live = { range: Range; /** seconds; 0 is never */ period: number };

/** An answer with the range that it is about: a relative range is anchored when the request leaves. */
export type Anchored<T> = { span: Span; data: T };

export async function anchored<T>(range: Range, ask: (span: Span) => Promise<T>): Promise<Anchored<T>> {
  const span = resolve(range, Date.now());
  return { span, data: await ask(span) };
}

/** Old data stays while new data loads; a tick that finds a request in flight is skipped; hidden tabs rest. */
export function liveOptions(period: number) {
  return {
    placeholderData: keepPreviousData,
    refetchInterval: period === 0 ? (false as const) : period * 1000,
    staleTime: 2000,
  };
}
