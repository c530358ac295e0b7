import { describe, expect, it } from "vitest";
import { fixed, parseAgo, parseMoment, printAgo, rangeParam, resolve, shift, zoomOut } from "./range";

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);

describe("range in the address", () => {
  it("reads what it prints", () => {
    const ranges = [
      { kind: "last", seconds: 3600 },
      { kind: "last", seconds: 300 },
      { kind: "last", seconds: 172_800 },
      { kind: "fixed", fromMs: NOW - 60_500, toMs: NOW },
    ] as const;
    for (const range of ranges) expect(rangeParam.read(rangeParam.print(range))).toEqual(range);
  });

  it("is the last hour when the address says nothing or nonsense", () => {
    expect(rangeParam.fallback).toEqual({ kind: "last", seconds: 3600 });
    for (const bad of [{}, { from: "yesterday" }, { from: "now-0h" }, { from: "now-1h", to: "2026" }]) {
      expect(rangeParam.read(bad)).toBeUndefined();
    }
    expect(rangeParam.read({ from: "2026-11-24T10:00:00Z", to: "2026-11-24T09:00:00Z" })).toBeUndefined();
  });

  it("reads ISO with a zone and epoch seconds or milliseconds", () => {
    expect(parseMoment("2026-11-24T14:00:00+02:00", 0)).toBe(NOW);
    expect(parseMoment(String(NOW / 1000), 0)).toBe(NOW);
    expect(parseMoment(String(NOW), 0)).toBe(NOW);
    expect(parseMoment("now-90m", NOW)).toBe(NOW - 5_400_000);
    expect(parseMoment("2026-11-24T14:00:00", NOW)).toBeUndefined();
  });

  it("spells durations in the largest whole unit", () => {
    expect([printAgo(90), printAgo(300), printAgo(7200), printAgo(86_400)]).toEqual(["now-90s", "now-5m", "now-2h", "now-1d"]);
    expect(parseAgo("now-90s")).toBe(90);
    expect(parseAgo("now-1w")).toBeUndefined();
  });
});

describe("moving a range", () => {
  it("shifts by half and stops at now", () => {
    expect(shift({ kind: "last", seconds: 3600 }, -1, NOW)).toEqual({ kind: "fixed", fromMs: NOW - 5_400_000, toMs: NOW - 1_800_000 });
    expect(shift({ kind: "fixed", fromMs: NOW - 3_600_000, toMs: NOW }, 1, NOW)).toEqual({ kind: "fixed", fromMs: NOW - 3_600_000, toMs: NOW });
  });

  it("doubles round the centre", () => {
    expect(zoomOut({ kind: "fixed", fromMs: NOW - 4_000_000, toMs: NOW - 2_000_000 }, NOW)).toEqual({
      kind: "fixed",
      fromMs: NOW - 5_000_000,
      toMs: NOW - 1_000_000,
    });
    expect(zoomOut({ kind: "last", seconds: 300 }, NOW)).toEqual({ kind: "last", seconds: 600 });
  });

  it("is never shorter than ten stored buckets", () => {
    expect(fixed(NOW, NOW + 20_000)).toEqual({ kind: "fixed", fromMs: NOW - 40_000, toMs: NOW + 60_000 });
    expect(resolve(fixed(NOW + 200_000, NOW), NOW)).toEqual({ fromUs: NOW * 1000, toUs: (NOW + 200_000) * 1000 });
  });
});
