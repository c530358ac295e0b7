import { expect, it } from "vitest";
import { lookOf, placed } from "./replicaStates";

it("places a segment inside the window", () => {
  expect(placed({ from_us: 0, to_us: 150 }, 100, 200)).toEqual({ left: 0, width: 50 });
  expect(placed({ from_us: 150, to_us: null }, 100, 200)).toEqual({ left: 50, width: 50 });
  expect(placed({ from_us: 0, to_us: 100 }, 100, 200)).toBeNull();
  expect(placed({ from_us: 250, to_us: null }, 100, 200)).toBeNull();
});

it("shows a state that it does not know as it is", () => {
  expect(lookOf("updating")).toMatchObject({ word: "updating", letter: "?" });
});
