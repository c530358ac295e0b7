import { parseMoment } from "../../url";
import { parseLocal } from "../../ui";

/** What the custom fields accept: `now-90m`, epoch, ISO with a zone, or a local date and time. */
export function readMoment(text: string, nowMs: number, zone: string): number | undefined {
  return parseMoment(text, nowMs) ?? parseLocal(text, zone);
}
