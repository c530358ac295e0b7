import { expect, it } from "vitest";
import type { Endpoint } from "../../api";
import { matching, printOrder, readOrder, sorted } from "./order";

function endpoint(name: string, change: Partial<Endpoint> & { share?: number | null; p95?: number | null } = {}): Endpoint {
  const { share = 0, p95 = 1, ...rest } = change;
  return {
    namespace: "default", name, model: "meta/llama", engine: "vllm", state: "running", url: `/endpoints/default/${name}`,
    replicas: { running: 1, min: 1, max: 2 }, pending: 0,
    window: { requests: 1, failed: 0, requests_per_minute: 1, error_share: share, latency_p95_s: p95, ttft_p95_s: null, sparkline: [] },
    ...rest,
  };
}

const names = (list: Endpoint[]): string[] => list.map((each) => each.name);

it("puts the failed first, then the most errors", () => {
  const list = [endpoint("calm"), endpoint("erring", { share: 0.2 }), endpoint("down", { state: "failed" }), endpoint("asleep", { state: "scaledToZero" })];
  expect(names(sorted(list, readOrder("")))).toEqual(["down", "erring", "calm", "asleep"]);
});

it("keeps the absent last both ways", () => {
  const list = [endpoint("a", { p95: null }), endpoint("b", { p95: 2 }), endpoint("c", { p95: 1 })];
  expect(names(sorted(list, readOrder("p95")))).toEqual(["c", "b", "a"]);
  expect(names(sorted(list, readOrder("-p95")))).toEqual(["b", "c", "a"]);
});

it("reads the order that it prints, and falls back on nonsense", () => {
  for (const text of ["", "name", "-errors"]) expect(printOrder(readOrder(text))).toBe(text);
  expect(readOrder("-nonsense").column).toBe("attention");
});

it("filters by every word and by state", () => {
  const list = [endpoint("chat", { model: "mistral" }), endpoint("embed")];
  expect(names(matching(list, "LLAMA emb", ""))).toEqual(["embed"]);
  expect(names(matching(list, "", "failed"))).toEqual([]);
});
