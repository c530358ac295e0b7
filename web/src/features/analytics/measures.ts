import type { Percentiles, Series } from "../../api";
import type { Buckets, ChartSeries } from "../../chart";
import { lengthText } from "./words";

export const PERCENTILES = ["p50", "p90", "p95", "p99"] as const;

const LINES = {
  p50: { dash: "dotted", width: 1.5 },
  p90: { dash: "dashed", width: 1.5 },
  p95: { dash: "solid", width: 1.5 },
  p99: { dash: "solid", width: 2.5 },
} as const;

export function percentileSeries(percentiles: Percentiles): ChartSeries[] {
  return PERCENTILES.map((name) => ({ key: name, label: name, values: percentiles[name], color: `--${name}`, shape: "line", ...LINES[name] }));
}

export function bucketsOf(series: Series): Buckets {
  return {
    startsUs: series.starts_us,
    stepUs: series.step_s * 1e6,
    fromUs: series.from_us,
    toUs: series.to_us,
    partialLast: series.partial_last,
  };
}

/** "per 30 s": every chart says how wide its buckets are. */
export const perStep = (series: Series): string => `per ${lengthText(series.step_s)}`;

/** Whether a streamed call was seen: without one, token panels have nothing to say. */
export const hasStreams = (series: Series): boolean => series.ttft_s.window.count > 0 || series.output_tokens_per_s.some((value) => value !== null);
