import { useCallback } from "react";
import { useLightOrDark } from "../ui/theme";
import { ink } from "./color";
import { DASHES, patternFill } from "./pattern";
import type { ChartSeries } from "./types";

const WIDE = 18;
const HIGH = 12;

function draw(canvas: HTMLCanvasElement, series: ChartSeries, theme: string): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = WIDE * ratio;
  canvas.height = HIGH * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  const color = ink(series.color, theme, series.shade);
  context.strokeStyle = color;
  if (series.shape === "bar" || series.shape === "band") {
    context.fillStyle = patternFill(context, series.pattern ?? "solid", series.shape === "band" ? ink(series.color, theme, 0.78) : color, ink("--surface", theme));
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.lineWidth = ratio;
    context.strokeRect(ratio / 2, ratio / 2, canvas.width - ratio, canvas.height - ratio);
    return;
  }
  context.lineWidth = (series.width ?? 1.5) * ratio;
  context.setLineDash(DASHES[series.dash ?? "solid"].map((length) => length * ratio));
  context.beginPath();
  context.moveTo(0, canvas.height / 2);
  context.lineTo(canvas.width, canvas.height / 2);
  context.stroke();
}

/** The colour and the pattern or dash of a series, as the chart draws it. */
export function Swatch({ series }: { series: ChartSeries }) {
  const theme = useLightOrDark();
  const paintIt = useCallback((canvas: HTMLCanvasElement | null) => {
    if (canvas) draw(canvas, series, theme);
  }, [series, theme]);
  return <canvas ref={paintIt} style={{ width: WIDE, height: HIGH }} className="swatch" aria-hidden="true" />;
}
