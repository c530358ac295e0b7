/** JSON with integers kept to the last digit: nanoseconds since 1970 do not fit a double. */
export type Exact = string | number | bigint | boolean | null | Exact[] | { [name: string]: Exact };

const MARK = "\u0001int:";
const TOKEN = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\d.eE])/g;

/** Parses JSON; an integer that a number cannot hold becomes a bigint. */
export function parseExact(text: string): Exact {
  const marked = text.replace(TOKEN, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"\\u0001int:${token}"`,
  );
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  ) as Exact;
}

/** Writes what {@link parseExact} read, digit for digit. */
export function printExact(value: Exact, indent = 2): string {
  const text = JSON.stringify(value, (_name, inner: unknown) => (typeof inner === "bigint" ? `${MARK}${inner}` : inner), indent);
  return text.replace(/"\\u0001int:(-?\d+)"/g, "$1");
}
