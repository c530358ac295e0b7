import type uPlot from "uplot";
import { ink } from "./color";
import { DASHES, patternFill } from "./pattern";
import type { Buckets, ChartSeries, Values } from "./types";

/** All that one chart draws. */
export type Scene = { buckets: Buckets; series: readonly ChartSeries[]; theme: string };

type Brush = {
  context: CanvasRenderingContext2D;
  ratio: number;
  /** Canvas x of the start of a bucket, and of the end of the last. */
  x: (bucket: number) => number;
  y: (value: number) => number;
  scene: Scene;
};

const colorOf = (series: ChartSeries, theme: string): string => ink(series.color, theme, series.shade);

function paintBars({ context, ratio, x, y, scene }: Brush): void {
  const base = scene.buckets.startsUs.map(() => 0);
  const surface = ink("--surface", scene.theme);
  for (const bar of scene.series.filter((each) => each.shape === "bar")) {
    const color = colorOf(bar, scene.theme);
    context.fillStyle = patternFill(context, bar.pattern ?? "solid", color, surface);
    context.strokeStyle = color;
    context.lineWidth = ratio;
    bar.values.forEach((value, bucket) => {
      if (value === null || value <= 0) return;
      const low = base[bucket] ?? 0;
      base[bucket] = low + value;
      const left = Math.round(x(bucket));
      const width = Math.max(ratio, Math.round(x(bucket + 1)) - left - ratio);
      const top = y(low + value);
      const height = Math.max(ratio, y(low) - top);
      context.fillRect(left, top, width, height);
      if (bar.pattern === "outline") context.strokeRect(left + ratio / 2, top + ratio / 2, Math.max(0, width - ratio), Math.max(0, height - ratio));
    });
  }
}

/** Straight lines between the middles of buckets; a gap breaks them, a lone bucket is a dot. */
function paintLine({ context, ratio, x, y }: Brush, values: Values, width: number): void {
  const middle = (bucket: number): number => (x(bucket) + x(bucket + 1)) / 2;
  context.beginPath();
  values.forEach((value, bucket) => {
    if (value === null) return;
    const joined = typeof values[bucket - 1] === "number";
    if (joined) context.lineTo(middle(bucket), y(value));
    else context.moveTo(middle(bucket), y(value));
  });
  context.stroke();
  values.forEach((value, bucket) => {
    if (value === null || typeof values[bucket - 1] === "number" || typeof values[bucket + 1] === "number") return;
    context.beginPath();
    context.arc(middle(bucket), y(value), Math.max(2, width) * ratio, 0, 2 * Math.PI);
    context.fill();
  });
}

/** A level that holds for its whole bucket. */
function paintSteps({ context, x, y }: Brush, values: Values): void {
  context.beginPath();
  values.forEach((value, bucket) => {
    if (value === null) return;
    if (typeof values[bucket - 1] === "number") context.lineTo(x(bucket), y(value));
    else context.moveTo(x(bucket), y(value));
    context.lineTo(x(bucket + 1), y(value));
  });
  context.stroke();
}

function paintBand({ context, x, y, scene }: Brush, band: ChartSeries): void {
  context.fillStyle = ink(band.color, scene.theme, 0.78);
  band.values.forEach((low, bucket) => {
    const high = band.upper?.[bucket] ?? null;
    if (low === null || high === null) return;
    context.fillRect(x(bucket), y(high), x(bucket + 1) - x(bucket), Math.max(1, y(low) - y(high)));
  });
}

function paintStroke(brush: Brush, series: ChartSeries): void {
  const { context, ratio, scene } = brush;
  const width = series.width ?? 1.5;
  context.strokeStyle = colorOf(series, scene.theme);
  context.fillStyle = context.strokeStyle;
  context.lineWidth = width * ratio;
  context.lineJoin = "round";
  context.setLineDash(DASHES[series.dash ?? "solid"].map((length) => length * ratio));
  if (series.shape === "step") paintSteps(brush, series.values);
  else paintLine(brush, series.values, width);
  context.setLineDash([]);
}

/** Hatching over the bucket that is still filling. */
function paintPartial({ context, ratio, x, scene }: Brush, box: uPlot.BBox): void {
  const last = scene.buckets.startsUs.length - 1;
  if (!scene.buckets.partialLast || last < 0) return;
  context.save();
  context.beginPath();
  context.rect(x(last), box.top, x(last + 1) - x(last), box.height);
  context.clip();
  context.strokeStyle = ink("--muted", scene.theme, 0.35);
  context.lineWidth = ratio;
  context.beginPath();
  for (let at = box.top - box.width; at < box.top + box.height; at += 6 * ratio) {
    context.moveTo(x(last), at + box.width);
    context.lineTo(x(last) + box.width, at);
  }
  context.stroke();
  context.restore();
}

/** Names at the right end of lines, moved apart where they would overlap. */
function paintLabels({ context, ratio, y, scene }: Brush, box: uPlot.BBox): void {
  const height = 12 * ratio;
  const ends = scene.series
    .filter((each) => each.shape === "line" || each.shape === "step")
    .flatMap((series) => {
      const last = series.values.findLast((value): value is number => value !== null);
      return last === undefined ? [] : [{ series, at: y(last) }];
    })
    .sort((a, b) => a.at - b.at);
  context.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  let above = -Infinity;
  for (const { series, at } of ends.slice(0, 8)) {
    above = Math.max(at, above + height);
    context.fillStyle = colorOf(series, scene.theme);
    context.fillText((series.short ?? series.label).slice(0, 8), box.left + box.width + 5 * ratio, Math.min(above, box.top + box.height));
  }
}

/** Draws a scene into the plot area of a chart. */
export function paint(plot: uPlot, scene: Scene): void {
  const { ctx: context, bbox: box } = plot;
  const { startsUs, stepUs } = scene.buckets;
  const firstUs = startsUs[0] ?? scene.buckets.fromUs;
  const brush: Brush = {
    context,
    ratio: devicePixelRatio || 1,
    x: (bucket) => plot.valToPos((firstUs + bucket * stepUs) / 1e6, "x", true),
    y: (value) => plot.valToPos(value, "y", true),
    scene,
  };
  context.save();
  context.beginPath();
  context.rect(box.left, box.top - 2, box.width, box.height + 4);
  context.clip();
  for (const band of scene.series.filter((each) => each.shape === "band")) paintBand(brush, band);
  paintBars(brush);
  for (const series of scene.series) if (series.shape === "line" || series.shape === "step") paintStroke(brush, series);
  paintPartial(brush, box);
  context.restore();
  paintLabels(brush, box);
}
