import { expect, it } from "vitest";
import { bucketBudget, stepFor } from "./step";

it("takes the smallest step that fits the budget", () => {
  expect(stepFor(300, 120)).toBe(10);
  expect(stepFor(3600, 120)).toBe(30);
  expect(stepFor(3600, 119)).toBe(60);
  expect(stepFor(86_400, 120)).toBe(900);
  expect(stepFor(90 * 86_400, 120)).toBe(86_400);
});

it("gives a phone fewer buckets than a desk", () => {
  expect(bucketBudget(390)).toBeLessThan(bucketBudget(1440));
  expect(bucketBudget(320)).toBe(40);
});
