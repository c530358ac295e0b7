import { expect, it } from "vitest";
import { clock, clockSeconds, day, offset, parseLocal, slot, stamp } from "./moment";

const AT = Date.UTC(2026, 10, 24, 22, 42, 11) * 1000;

it("writes a moment in the zone it is asked for", () => {
  expect(stamp(AT, "UTC")).toBe("2026-11-24 22:42:11");
  expect(stamp(AT, "Europe/Athens")).toBe("2026-11-25 00:42:11");
  expect(clock(AT, "Asia/Kolkata")).toBe("04:12");
  expect(clockSeconds(AT, "UTC")).toBe("22:42:11");
  expect(day(AT, "Asia/Kolkata")).toBe("2026-11-25");
});

it("names the offset", () => {
  expect(offset(AT, "UTC")).toBe("UTC");
  expect(offset(AT, "Europe/Athens")).toBe("UTC+02:00");
  expect(offset(AT, "America/St_Johns")).toBe("UTC-03:30");
});

it("names both days of a slot that crosses midnight", () => {
  expect(slot(AT, AT + 60e6, "UTC")).toBe("2026-11-24 22:42:11–22:43:11");
  expect(slot(AT, AT + 7200e6, "UTC")).toBe("2026-11-24 22:42:11–2026-11-25 00:42:11");
});

it("reads a local time back, across a clock change too", () => {
  expect(parseLocal("2026-11-24 22:42:11", "UTC")).toBe(AT / 1000);
  expect(parseLocal("2026-11-25T00:42", "Europe/Athens")).toBe(Date.UTC(2026, 10, 24, 22, 42));
  expect(parseLocal("2026-10-25 12:00", "Europe/Berlin")).toBe(Date.UTC(2026, 9, 25, 11, 0));
  expect(parseLocal("yesterday", "UTC")).toBeUndefined();
});
