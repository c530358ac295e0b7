import type { SpanRow } from "../../api";
import { printExact } from "../../api";
import { duration } from "../../ui";
import { isObject, json, startUs } from "./facts";

type Event = { name: string; afterS: number | null; attributes: string };

/** Events as stored: a JSON array whose items carry a name, a time in ns and attributes. */
export function eventsOf(row: SpanRow): Event[] {
  const stored = json(row, "events");
  if (!Array.isArray(stored)) return [];
  return (stored as unknown[]).filter(isObject).map((event) => {
    const { name, timestamp, _timestamp, time_unix_nano, ...rest } = event;
    const ns = Number(timestamp ?? _timestamp ?? time_unix_nano ?? NaN);
    // Nanoseconds, or microseconds where the number is too small for them.
    const us = ns > 1e17 ? ns / 1000 : ns;
    return {
      name: typeof name === "string" ? name : "event",
      afterS: Number.isFinite(us) ? Math.max(0, (us - startUs(row)) / 1e6) : null,
      attributes: printExact(rest as never),
    };
  });
}

export function Events({ row }: { row: SpanRow }) {
  const events = eventsOf(row);
  if (events.length === 0) return <p className="muted" data-testid="events">This span has no events.</p>;
  return (
    <ol className="stack" data-testid="events">
      {events.map((event, at) => (
        <li key={at} className="message">
          <div className="row"><strong className="grow">{event.name}</strong><span className="muted small">after {duration(event.afterS)}</span></div>
          <pre className="said mono">{event.attributes}</pre>
        </li>
      ))}
    </ol>
  );
}
