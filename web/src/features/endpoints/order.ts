import type { Endpoint } from "../../api";

/** Columns that the list can be sorted by; "attention" puts what needs a look first. */
export const COLUMNS = ["attention", "name", "state", "rate", "errors", "p95", "ttft", "pending", "replicas"] as const;
export type Column = (typeof COLUMNS)[number];
export type Order = { column: Column; descending: boolean };

export function readOrder(text: string): Order {
  const descending = text.startsWith("-");
  const column = COLUMNS.find((each) => each === text.replace("-", ""));
  return column ? { column, descending } : { column: "attention", descending: true };
}

export function printOrder({ column, descending }: Order): string {
  return column === "attention" ? "" : `${descending ? "-" : ""}${column}`;
}

const TROUBLE: Readonly<Record<Endpoint["state"], number>> = { failed: 3, initializing: 2, pending: 2, running: 1, scaledToZero: 0 };

function key(endpoint: Endpoint, column: Column): number | string | null {
  const { window } = endpoint;
  switch (column) {
    case "attention":
      return (TROUBLE[endpoint.state]) * 1000 + (window.error_share ?? 0) * 900 + Math.min(90, window.latency_p95_s ?? 0);
    case "name":
      return endpoint.name;
    case "state":
      return endpoint.state;
    case "rate":
      return window.requests_per_minute;
    case "errors":
      return window.error_share;
    case "p95":
      return window.latency_p95_s;
    case "ttft":
      return window.ttft_p95_s;
    case "pending":
      return endpoint.pending;
    case "replicas":
      return endpoint.replicas.running;
  }
}

/** The absent are last, whichever way the column is sorted. */
export function sorted(endpoints: readonly Endpoint[], { column, descending }: Order): Endpoint[] {
  return [...endpoints].sort((a, b) => {
    const [left, right] = [key(a, column), key(b, column)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    const less = typeof left === "string" ? left.localeCompare(String(right)) : left - Number(right);
    return (descending ? -less : less) || a.name.localeCompare(b.name);
  });
}

export function matching(endpoints: readonly Endpoint[], text: string, state: string): Endpoint[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return endpoints.filter((endpoint) => {
    const searched = `${endpoint.name} ${endpoint.model ?? ""} ${endpoint.engine ?? ""}`.toLowerCase();
    return (state === "" || endpoint.state === state) && words.every((word) => searched.includes(word));
  });
}
