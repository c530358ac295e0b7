import { useState } from "react";
import { clockSeconds, day, offset, stamp } from "./moment";

/** A moment: the clock alone on the day of reading, with the date before it otherwise. */
export function When({ us, zone }: { us: number; zone: string }) {
  const [now] = useState(() => Date.now());
  const today = day(us, zone) === day(now * 1000, zone);
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={`${stamp(us, zone)} ${offset(us, zone)}`} className="nowrap">
      {today ? clockSeconds(us, zone) : stamp(us, zone)}
    </time>
  );
}
