import { useState } from "react";
import type { Series, Values } from "../../api";
import { type ChartFrame, type ChartSeries, TimeChart } from "../../chart";
import { ABSENT, bytes, Panel, THIN } from "../../ui";
import { perStep } from "./measures";
import { band, replicaSeries } from "./slots";

type Props = { series: Series; frame: ChartFrame };

const cpuText = (value: number | null): string => (value === null ? ABSENT : `${value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0)}${THIN}%`);

function measureOf(series: Series, measure: "cpu_percent" | "memory_bytes"): Record<string, Values> {
  return Object.fromEntries(Object.entries(series.by_replica).map(([replica, each]) => [replica, each[measure]]));
}

function average(rows: Record<string, Values>, mean: Values, key: string): ChartSeries[] {
  const { low, high } = band(Object.values(rows), mean.length);
  return [
    { key: `${key}-band`, label: "least to greatest", values: low, upper: high, color: "--slot-b", shape: "band" },
    { key, label: "average", values: mean, color: "--slot-b", shape: "step", width: 2 },
  ];
}

/** A limit far above what was measured would flatten everything else: it is then said, not drawn. */
const LIMIT_IN_SIGHT = 4;

function isInSight(limit: number, rows: readonly Values[]): boolean {
  const most = rows.flat().reduce<number>((top, value) => Math.max(top, value ?? 0), 0);
  return most * LIMIT_IN_SIGHT >= limit;
}

function limitLine(limit: number, mean: Values): ChartSeries[] {
  return [{ key: "limit", label: "limit", values: mean.map(() => limit), color: "--limit", shape: "step", dash: "limit" }];
}

function HardwareChart({ series, frame, measure }: Props & { measure: "cpu_percent" | "memory_bytes" }) {
  const [details, setDetails] = useState(false);
  const rows = measureOf(series, measure);
  const { mean } = series.hardware[measure];
  const isCpu = measure === "cpu_percent";
  const lines = details ? replicaSeries(rows, "step") : average(rows, mean, isCpu ? "cpu" : "memory");
  const limit = isCpu ? null : series.hardware.memory_bytes.limit;
  const inSight = limit !== null && isInSight(limit, [...Object.values(rows), mean]);
  const actions = (
    <button type="button" className="button tiny" aria-pressed={details} onClick={() => setDetails(!details)} data-testid={`details-${isCpu ? "cpu" : "memory"}`}>
      details
    </button>
  );
  return (
    <TimeChart
      id={isCpu ? "cpu" : "memory"}
      title={isCpu ? "CPU" : "Memory"}
      subtitle={`${limit !== null && !inSight ? `limit ${bytes(limit)}; ` : ""}${details ? "per replica" : "average of running replicas, least to greatest shaded"}${isCpu ? "; 100 % is one core" : ""}, ${perStep(series)}`}
      unit={isCpu ? "percent of one core" : "bytes"}
      frame={frame}
      text={isCpu ? cpuText : bytes}
      ticks={isCpu ? "decimal" : "binary"}
      series={inSight ? [...lines, ...limitLine(limit, mean)] : lines}
      actions={actions}
    />
  );
}

function NoAccelerator({ title, id }: { title: string; id: string }) {
  return (
    <Panel title={title} testId={`chart-${id}`}>
      <p className="muted no-accelerator">no accelerator reported</p>
    </Panel>
  );
}

/** CPU and memory of the replicas; what no replica reports is said to be missing, not drawn as zero. */
export function HardwareTab({ series, frame }: Props) {
  const reported = series.hardware.gpu !== null;
  return (
    <div className="charts">
      <HardwareChart series={series} frame={frame} measure="cpu_percent" />
      <HardwareChart series={series} frame={frame} measure="memory_bytes" />
      {!reported && <NoAccelerator title="GPU" id="gpu" />}
      {!reported && <NoAccelerator title="GPU memory" id="gpu-memory" />}
    </div>
  );
}
