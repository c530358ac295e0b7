import type { Pattern } from "./types";

const TILE = 8;

function strokes(context: CanvasRenderingContext2D, pattern: Pattern, size: number): void {
  const diagonal = (offset: number, rising: boolean): void => {
    context.moveTo(offset, rising ? size : 0);
    context.lineTo(offset + size, rising ? 0 : size);
  };
  context.beginPath();
  if (pattern === "thin") for (const offset of [-size / 2, 0, size / 2]) diagonal(offset, true);
  if (pattern === "wide") for (const offset of [-size, 0, size]) diagonal(offset, true);
  if (pattern === "cross") for (const rising of [true, false]) for (const offset of [-size, 0, size]) diagonal(offset, rising);
  context.stroke();
}

/**
 * A fill that can be told apart without its colour: the colour, with `gap` (the surface) drawn through it.
 * `outline` is the surface inside; the caller strokes its edge.
 */
export function patternFill(context: CanvasRenderingContext2D, pattern: Pattern, color: string, gap: string): string | CanvasPattern {
  if (pattern === "solid") return color;
  if (pattern === "outline") return gap;
  const ratio = devicePixelRatio || 1;
  const size = TILE * ratio;
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const drawing = tile.getContext("2d");
  if (!drawing) return color;
  drawing.fillStyle = color;
  drawing.fillRect(0, 0, size, size);
  drawing.strokeStyle = gap;
  drawing.fillStyle = gap;
  drawing.lineWidth = (pattern === "wide" ? 2 : 1) * ratio;
  if (pattern === "dots") for (const at of [size / 4, (size * 3) / 4]) drawing.fillRect(at - ratio, at - ratio, 2 * ratio, 2 * ratio);
  else strokes(drawing, pattern, size);
  return context.createPattern(tile, "repeat") ?? color;
}

/** Dash lengths in CSS pixels. */
export const DASHES = { solid: [], dashed: [6, 4], dotted: [1.5, 3], limit: [6, 3] } as const;
