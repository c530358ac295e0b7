// MOCK data of endpoints: plausible shapes from a hash, the same for the same moment.
const REPLICAS = ["7f3ac6g1-h8k2p", "7f3ac6g1-q9x4m"];

/** 0..1 from integers. */
export function chance(...seeds) {
  let hash = 2166136261;
  for (const seed of seeds) hash = Math.imul(hash ^ seed, 16777619) ^ (hash >>> 13);
  hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}

const replicas = (names) => names.map((replica_id, at) => ({ replica_id, status: "running", since_us: Date.now() * 1000 - 3.1e9, message: null, url: `http://127.0.0.1:900${at + 1}`, engine: "simulator", pid: 4000 + at, pending: at }));

export function endpoints(from, to) {
  const sparkline = Array.from({ length: 30 }, (_, at) => Math.round(20 + 15 * Math.sin(at / 4) + 10 * chance(at, 3)));
  const base = { namespace: "default", engine: "simulator", state: "running", pending: 3, replicas: { running: 2, min: 2, max: 4 } };
  const minutes = (to - from) / 60e6;
  const window = { requests: Math.round(41.2 * minutes), failed: Math.round(0.7 * minutes), requests_per_minute: 41.2, error_share: 0.017, latency_p95_s: 1.204, ttft_p95_s: 0.31, sparkline };
  const none = { requests: 0, failed: 0, requests_per_minute: 0, error_share: null, latency_p95_s: null, ttft_p95_s: null, sparkline: [] };
  return [
    { ...base, name: "llama", model: "meta-llama/Llama-3.1-8B-Instruct", url: "/endpoints/default/llama", window },
    { ...base, name: "mistral", model: "mistralai/Mistral-7B-Instruct-v0.3", url: "/endpoints/default/mistral", replicas: { running: 3, min: 1, max: 3 }, pending: 9, window: { ...window, requests_per_minute: 12.31, error_share: 0.0004, latency_p95_s: 3.9 } },
    { ...base, name: "whisper-large", model: "openai/whisper-large-v3", url: "/endpoints/default/whisper-large", state: "scaledToZero", replicas: { running: 0, min: 0, max: 2 }, pending: 0, window: none },
    { ...base, name: "embed", model: "BAAI/bge-m3", url: "/endpoints/default/embed", engine: "custom", state: "failed", message: "exited with status 1: out of memory", replicas: { running: 0, min: 1, max: 2 }, pending: null, window: { ...none, requests: 12, failed: 12, requests_per_minute: 0.2, error_share: 1 } },
  ];
}

export function detail(name, from, to) {
  const found = endpoints(from, to).find((each) => each.name === name);
  return found ? { ...found, replica_list: replicas(REPLICAS.slice(0, found.replicas.running)) } : null;
}

export function series(from, to, step_s, only, empty) {
  const step = step_s * 1e6;
  const first = Math.floor(from / step) * step;
  const starts_us = Array.from({ length: Math.ceil((to - first) / step) }, (_, at) => first + at * step);
  const born = to - 50 * 60e6;
  const each = (make) => starts_us.map((at) => (empty || at < born ? null : make(at / 1e6, (at / step) | 0)));
  const slow = (s) => (Math.floor(s / 700) % 4 === 0 ? 3.2 : 1);
  const load = (s, n) => Math.max(0, Math.round(step_s * (0.7 + 0.3 * Math.sin(s / 500) + 0.2 * chance(n, 1))));
  const by_code = {
    200: each(load),
    404: each((s, n) => (chance(n, 2) > 0.9 ? 1 : 0)),
    429: each((s, n) => (slow(s) > 1 ? Math.round(load(s, n) * 0.12) : 0)),
    500: each((s, n) => (chance(n, 5) > 0.86 ? 1 : 0)),
    503: each((s, n) => (slow(s) > 1 && chance(n, 6) > 0.5 ? 2 : 0)),
    none: each((s, n) => (chance(n, 7) > 0.92 ? 1 : 0)),
  };
  const totals = Object.fromEntries(Object.entries(by_code).map(([code, values]) => [code, values.reduce((sum, value) => sum + (value ?? 0), 0)]));
  const gap = (values) => values.map((value, at) => (at % 37 === 20 ? null : value));
  const percentiles = (scale) => ({
    p50: gap(each((s, n) => scale * slow(s) * (0.4 + 0.05 * chance(n, 11)))),
    p90: gap(each((s, n) => scale * slow(s) * (0.8 + 0.1 * chance(n, 12)))),
    p95: gap(each((s, n) => scale * slow(s) * (1.0 + 0.15 * chance(n, 13)))),
    p99: gap(each((s, n) => scale * slow(s) * (1.4 + 0.5 * chance(n, 14)))),
    count: gap(each(load)),
    window: empty ? { p50: null, p90: null, p95: null, p99: null, count: 0 } : { p50: 0.44 * scale, p90: 1.1 * scale, p95: 2.9 * scale, p99: 4.81 * scale, count: 2410 },
  });
  const ids = REPLICAS.filter((id) => !only || only.split(",").includes(id));
  return {
    from_us: from, to_us: to, step_s, starts_us, partial_last: true,
    requests: { by_code, totals },
    pending: { mean: each((s, n) => slow(s) * (1 + chance(n, 21))), max: each((s, n) => Math.ceil(slow(s) * 3 * (1 + chance(n, 22)))) },
    latency_s: percentiles(1), ttft_s: percentiles(0.25),
    output_tokens_per_s: each((s, n) => 160 + 60 * Math.sin(s / 500) + 20 * chance(n, 31)),
    replicas: { running: each((s) => (s * 1e6 < born + 4 * 60e6 ? 0 : s * 1e6 < born + 15 * 60e6 ? 1 : 2)), max: each((s) => (s * 1e6 < born + 25 * 60e6 ? 2 : 4)), min: each(() => 1) },
    by_replica: Object.fromEntries(ids.map((id, which) => [id, {
      requests: each((s, n) => Math.round(load(s, n) / 2)),
      latency_p95_s: each((s, n) => slow(s) * (1 + 0.2 * chance(n, 41 + which))),
      pending: each((s, n) => Math.round(slow(s) * chance(n, 51 + which) * 2)),
      cpu_percent: each((s, n) => 35 + 30 * chance(n, 61 + which) + (slow(s) > 1 ? 25 : 0)),
      memory_bytes: each((s, n) => 1.4e9 + which * 2e8 + 5e7 * chance(n, 71 + which)),
    }])),
    hardware: { cpu_percent: { mean: each((s, n) => 50 + 15 * chance(n, 61) + (slow(s) > 1 ? 25 : 0)) }, memory_bytes: { mean: each(() => 1.52e9), limit: 2.1e9 }, gpu: null },
  };
}

export function timeline(from, to) {
  const at = (minutes) => to - (50 - minutes) * 60e6;
  const life = (start, steps, end) => {
    let from_us = at(start);
    const segments = steps.map(([status, minutes, message]) => {
      const to_us = minutes === null ? null : from_us + minutes * 60e6;
      const segment = { status, from_us, to_us, message: message ?? null };
      from_us = to_us ?? from_us;
      return segment;
    });
    return end ? [...segments, end] : segments;
  };
  return {
    replicas: [
      { replica_id: REPLICAS[0], segments: life(0, [["pending", 0.3], ["pulling", 0.8], ["downloading", 1.6], ["initializing", 1.2], ["running", null]]) },
      { replica_id: REPLICAS[1], segments: life(9, [["pending", 0.5], ["downloading", 2.2], ["initializing", 3.3], ["running", null, "scale 1→2 (pending 3.1 > 1.5)"]]) },
      { replica_id: "7f3ac6g1-zzb7w", segments: life(22, [["pending", 0.5], ["initializing", 2], ["running", 9], ["draining", 1.5], ["terminated", 12]]) },
      { replica_id: "7f3ac6g1-f00d1", segments: life(40, [["initializing", 1], ["failed", null, "exited with status 1: out of memory"]]) },
    ],
    startup: { n: 3, phases: [["pending", 0.4, 0.5, 0.5], ["downloading", 96, 131, 132], ["initializing", 73, 190, 198]].map(([status, p50_s, p95_s, max_s]) => ({ status, p50_s, p95_s, max_s })) },
  };
}

export function models() {
  const row = (model_requested, models_answered, calls, errors_by_class, latency_p50_s, cost_usd) => ({ model_requested, models_answered, calls, errors: Object.values(errors_by_class).reduce((sum, each) => sum + each, 0), errors_by_class, latency_p50_s, latency_p95_s: latency_p50_s && latency_p50_s * 2.4, ttft_p50_s: latency_p50_s && 0.21, tokens_input: calls * 412, tokens_output: calls * 96, cost_usd, unpriced_calls: cost_usd === null ? calls : 0 });
  return [
    row("meta-llama/Llama-3.1-8B-Instruct", ["llama3.1-8b"], 2410, { rate_limit: 31, server_error: 4 }, 0.44, null),
    row("mistralai/Mistral-7B-Instruct-v0.3", ["mistral-7b"], 738, { timeout: 2 }, 0.92, 0.4132),
    row("meta-llama/Llama-3.1-405B", [], 6, { gated: 6 }, null, null),
  ];
}
