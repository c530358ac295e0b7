/** The query part of the address: plain strings, so that a link can be read, typed and pasted by a person. */
export type Search = Readonly<Record<string, string | undefined>>;

/** Reads `?a=b&c=d`; of a repeated name the last one counts. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

/** Writes the query; absent and empty values are left out, commas and colons stay readable. */
export function printSearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "string" && value !== "") params.set(name, value);
  }
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
  return text === "" ? "" : `?${text}`;
}

/** Keeps what is a string of whatever the router was given. */
export function onlyStrings(search: Record<string, unknown>): Search {
  return Object.fromEntries(Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
