import { expect, it } from "vitest";
import { parseExact, printExact } from "./exact";

it("keeps nanoseconds to the last digit and leaves text alone", () => {
  const text = '{"start_time":1764000000123456789,"duration":812000,"note":"id 1764000000123456789, \\"quoted\\"","f":1.5}';
  const value = parseExact(text);
  expect(value).toEqual({
    start_time: 1764000000123456789n,
    duration: 812000,
    note: 'id 1764000000123456789, "quoted"',
    f: 1.5,
  });
  expect(printExact(value, 0)).toBe(text);
});

it("leaves microseconds and long fractions as numbers", () => {
  expect(parseExact('[1764000000123456, 12345678901234567.5, 12345678901234567e3, 0.30000000000000004441]')).toEqual([1764000000123456, Number("12345678901234567.5"), Number("12345678901234567e3"), 0.30000000000000004]);
});
