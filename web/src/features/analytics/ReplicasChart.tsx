import type { Series } from "../../api";
import { type ChartFrame, type ChartSeries, TimeChart } from "../../chart";
import { level } from "../../ui";
import { perStep } from "./measures";

/** Running replicas as steps; the limits are the settings as they were at each moment. */
export function ReplicasChart({ series, frame }: { series: Series; frame: ChartFrame }) {
  const { running, max, min } = series.replicas;
  const lines: ChartSeries[] = [
    { key: "running", label: "running", values: running, color: "--r-running", shape: "step", width: 2 },
    { key: "max", label: "max", values: max, color: "--limit", shape: "step", dash: "limit" },
    { key: "min", label: "min", values: min, color: "--muted", shape: "step", dash: "dotted" },
  ];
  return <TimeChart id="replicas" title="Running replicas" subtitle={perStep(series)} unit="replicas" frame={frame} ticks="whole" text={level} series={lines} />;
}
