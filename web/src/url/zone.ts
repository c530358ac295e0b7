import type { UrlParam } from "./param";

const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The zone that every time of the page is written in; a link carries it, so both readers see the same clock. */
export const zoneParam: UrlParam<string> = {
  names: ["tz"],
  read: (search) => (search.tz !== undefined && isZone(search.tz) ? search.tz : undefined),
  print: (zone) => ({ tz: zone === browserZone ? undefined : zone }),
  fallback: browserZone,
};
