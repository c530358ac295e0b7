/** Moments (µs since 1970) as text in a named zone. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  formats.set(key, made);
  return made;
}

const CLOCK = { hour: "2-digit", minute: "2-digit" } as const;
const DAY = { year: "numeric", month: "2-digit", day: "2-digit" } as const;

const at = (us: number): Date => new Date(us / 1000);

function part(us: number, zone: string, options: Intl.DateTimeFormatOptions, type: string): string {
  return format(zone, options).formatToParts(at(us)).find((each) => each.type === type)?.value ?? "";
}

/** 2026-11-24 */
export function day(us: number, zone: string): string {
  const of = (type: string): string => part(us, zone, DAY, type);
  return `${of("year")}-${of("month")}-${of("day")}`;
}

/** 10:42 */
export function clock(us: number, zone: string): string {
  return format(zone, CLOCK).format(at(us));
}

/** 10:42:11 */
export function clockSeconds(us: number, zone: string): string {
  return format(zone, { ...CLOCK, second: "2-digit" }).format(at(us));
}

/** 2026-11-24 10:42:11 */
export function stamp(us: number, zone: string): string {
  return `${day(us, zone)} ${clockSeconds(us, zone)}`;
}

/** UTC+02:00 */
export function offset(us: number, zone: string): string {
  const name = part(us, zone, { timeZoneName: "longOffset" }, "timeZoneName");
  return name.replace("GMT", "UTC").replace("+00:00", "");
}

/** 10:42:00–10:43:00, with the day where the ends are on different days or the slot is a day long. */
export function slot(fromUs: number, toUs: number, zone: string): string {
  const sameDay = day(fromUs, zone) === day(toUs, zone);
  const text = sameDay ? clockSeconds : stamp;
  return `${sameDay ? `${day(fromUs, zone)} ` : ""}${text(fromUs, zone)}–${text(toUs, zone)}`;
}

/** Local date and time in `zone` to ms since 1970; undefined where the text is no such date. */
export function parseLocal(text: string, zone: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim());
  if (!match) return undefined;
  const [year, month, date, hour, minute, second] = match.slice(1).map((digits: string | undefined) => Number(digits ?? 0));
  const asUtc = Date.UTC(year ?? 0, (month ?? 1) - 1, date, hour, minute, second);
  // The offset at the guess may differ from the one at the answer (clock change): correct once more.
  const first = asUtc - offsetMs(asUtc, zone);
  return asUtc - offsetMs(first, zone);
}

function offsetMs(ms: number, zone: string): number {
  const match = /UTC([+-])(\d{2}):(\d{2})/.exec(offset(ms * 1000, zone));
  if (!match) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
}
