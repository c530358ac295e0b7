import { describe, expect, it } from "vitest";
import { bytes, count, duration, exactCount, fewSamples, inUnit, level, money, moneySum, percent, rate, THIN, tokens, unitFor, weakest } from "./number";

/** Expectations are written with plain spaces; the page uses narrow ones. */
const plain = (text: string): string => text.replaceAll(THIN, " ");

describe("duration", () => {
  it.each([
    [0, "0 µs"],
    [0.00064, "640 µs"],
    [0.000_999_6, "1.00 ms"],
    [0.00634, "6.34 ms"],
    [0.0634, "63.4 ms"],
    [0.634, "634 ms"],
    [0.099_96, "100 ms"],
    [0.999_6, "1.00 s"],
    [1.234, "1.23 s"],
    [59.99, "59.99 s"],
    [59.996, "1 m 00 s"],
    [123, "2 m 03 s"],
    [3599.4, "59 m 59 s"],
    [3599.6, "1 h 00 m"],
    [3840, "1 h 04 m"],
  ])("%d s is %s", (seconds, text) => expect(plain(duration(seconds))).toBe(text));

  it("is a dash when absent", () => {
    expect(duration(null)).toBe("—");
    expect(duration(undefined)).toBe("—");
  });
});

describe("durations of a column", () => {
  it("share the unit of the median", () => {
    expect(unitFor([0.812, 1.204, 31.88]).name).toBe("ms");
    expect(unitFor([0.0001, 0.0002, 4]).name).toBe("µs");
    expect(unitFor([12, 31, 90]).name).toBe("s");
    expect(unitFor([null, undefined]).name).toBe("ms");
  });

  it("are written without it", () => {
    const ms = { name: "ms", perSecond: 1000 };
    expect([0.812, 1.204, 31.88, 0.0042, null].map((s) => inUnit(s, ms))).toEqual(["812", "1,204", "31,880", "4.20", "—"]);
    expect(inUnit(12.345, { name: "s", perSecond: 1 })).toBe("12.35");
  });
});

describe("count", () => {
  it.each([
    [0, "0"],
    [9593, "9,593"],
    [9999, "9,999"],
    [10_000, "10.0 k"],
    [12_345, "12.3 k"],
    [999_499, "999 k"],
    [999_500, "1.00 M"],
    [4_560_000, "4.56 M"],
    [1_000_000_000, "1.00 B"],
  ])("%d is %s", (value, text) => expect(plain(count(value))).toBe(text));

  it("is exact in a tooltip and a dash when absent", () => {
    expect(exactCount(1_234_567)).toBe("1,234,567");
    expect(count(null)).toBe("—");
    expect(level(1.4)).toBe("1.40");
    expect(level(3)).toBe("3");
    expect(level(undefined)).toBe("—");
  });
});

describe("tokens", () => {
  it("carry the mark of their origin", () => {
    expect(tokens(1204, "reported")).toBe("1,204");
    expect(plain(tokens(318, "derived"))).toBe("≈ 318");
    expect(plain(tokens(57, "partial"))).toBe("≥ 57");
    expect(tokens(null, null)).toBe("—");
    expect(tokens(0, "reported")).toBe("0");
  });

  it("a sum shows the weakest mark in it", () => {
    expect(weakest(["reported", "derived"])).toBe("derived");
    expect(weakest(["reported", "partial", "derived"])).toBe("partial");
    expect(weakest([])).toBeNull();
  });
});

describe("money", () => {
  it.each([
    [0.00041, "$0.00041"],
    [0.0000123, "$0.000012"],
    [0.0099, "$0.0099"],
    [0.01, "$0.01"],
    [12.4, "$12.40"],
    [999.99, "$999.99"],
    [3204.4, "$3,204"],
    [0, "free"],
    [null, "unpriced"],
  ])("%d is %s", (value, text) => expect(money(value)).toBe(text));

  it("has four decimals in a span", () => expect(money(0.0123, 4)).toBe("$0.0123"));

  it("is a lower bound where calls are unpriced", () => {
    expect(plain(moneySum(12.4, 38))).toBe("≥ $12.40");
    expect(moneySum(12.4, 0)).toBe("$12.40");
    expect(moneySum(null, 3)).toBe("unpriced");
    expect(moneySum(0, 2)).not.toContain("$0");
  });
});

describe("percent", () => {
  it.each([
    [0, "0 %"],
    [0.0004, "< 0.1 %"],
    [0.001, "0.1 %"],
    [0.994, "99.4 %"],
    [0.9994, "99.9 %"],
    [0.9996, "> 99.9 %"],
    [1, "100 %"],
    [null, "—"],
  ])("%d is %s", (value, text) => expect(plain(percent(value))).toBe(text));
});

describe("rate, bytes and samples", () => {
  it("have three digits and a unit", () => {
    expect(plain(rate(83.21, "tok/s"))).toBe("83.2 tok/s");
    expect(plain(rate(4.1, "req/s"))).toBe("4.10 req/s");
    expect(plain(rate(12_345, "tok/s"))).toBe("12.3 k tok/s");
    expect(rate(null, "tok/s")).toBe("—");
    expect(plain(bytes(30_387_064_832))).toBe("28.3 GiB");
    expect(plain(bytes(512))).toBe("512 B");
    expect(plain(bytes(1023))).toBe("1.00 KiB");
    expect(bytes(null)).toBe("—");
    expect(fewSamples(37)).toBe("of 37");
    expect(fewSamples(100)).toBeNull();
  });
});
