import { expect, it } from "vitest";
import { grouped } from "./attributes";

const ROW = { llm_model_name: "llama3.1-8b", llm_usage_tokens_input: 12, my_own: true, start_time: 1764000000123456789n, service_name: "Shop" };

it("groups columns and keeps every one", () => {
  const groups = grouped(ROW, "");
  expect(groups.map((group) => group.title)).toEqual(["Model", "Usage", "Resource", "Other"]);
  expect(groups.flatMap((group) => group.attributes)).toHaveLength(5);
  expect(groups.at(-1)?.attributes).toEqual([{ name: "my_own", value: "true" }, { name: "start_time", value: "1764000000123456789" }]);
});

it("filters by name or value, in any case", () => {
  expect(grouped(ROW, "SHOP").flatMap((group) => group.attributes.map(({ name }) => name))).toEqual(["service_name"]);
  expect(grouped(ROW, "nothing like it")).toEqual([]);
});
