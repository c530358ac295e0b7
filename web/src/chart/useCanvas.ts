import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { clock, day } from "../ui/moment";
import { ink } from "./color";
import { paint, type Scene } from "./paint";
import { yRange } from "./scale";

/** The plot area inside its chart, in CSS pixels. */
export type PlotArea = { left: number; top: number; width: number; height: number };

export type CanvasSpec = {
  scene: Scene;
  zone: string;
  log: boolean;
  height: number;
  ticks: Ticks;
  axisText: (value: number) => string;
};

/** Where the marks of the y axis may stand: anywhere round, on whole numbers, on round KiB, MiB and GiB. */
export type Ticks = "decimal" | "whole" | "binary";

const STEPS: Readonly<Record<Ticks, number[] | null>> = {
  decimal: null,
  whole: Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat(),
  binary: Array.from({ length: 50 }, (_, power) => 2 ** power),
};

/** uPlot's numbers for the two kinds of axis. */
const LINEAR = 1;
const LOGARITHMIC = 3;

function axisTimes(zone: string, secondsBetween: number, seconds: readonly number[]): string[] {
  let shownDay = "";
  return seconds.map((second) => {
    const date = day(second * 1e6, zone);
    const isNew = date !== shownDay && shownDay !== "";
    shownDay = date;
    if (secondsBetween >= 86_400) return date.slice(5);
    return isNew ? `${clock(second * 1e6, zone)}\n${date.slice(5)}` : clock(second * 1e6, zone);
  });
}

function optionsFor(latest: RefObject<CanvasSpec>, width: number, onArea: (area: PlotArea) => void): uPlot.Options {
  const { height, log, ticks } = latest.current;
  const steps = STEPS[ticks];
  const color = (name: string) => () => ink(name, latest.current.scene.theme);
  const lines = { stroke: color("--grid"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const area = (plot: uPlot): void => {
    const ratio = devicePixelRatio || 1;
    const { left, top, width: wide, height: high } = plot.bbox;
    onArea({ left: left / ratio, top: top / ratio, width: wide / ratio, height: high / ratio });
  };
  return {
    width,
    height,
    padding: [8, 52, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), latest.current.zone),
    scales: {
      x: { range: () => [latest.current.scene.buckets.fromUs / 1e6, latest.current.scene.buckets.toUs / 1e6] },
      y: {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot declares a const enum that does not exist at run time
        distr: log ? LOGARITHMIC : LINEAR,
        range: () => yRange(latest.current.scene.series, latest.current.scene.buckets.startsUs.length, log),
      },
    },
    series: [{}, { paths: () => null, points: { show: false } }],
    axes: [
      { stroke: color("--muted"), grid: { show: false }, ticks: { ...lines, size: 4 }, font, space: 64, size: 30, values: (_, splits, _axis, _space, increment) => axisTimes(latest.current.zone, increment, splits) },
      {
        stroke: color("--muted"),
        grid: lines,
        ticks: { show: false },
        font,
        size: 52,
        space: 32,
        ...(steps === null ? {} : { incrs: steps }),
        values: (_, splits) => splits.map((value: number | null) => (value === null ? null : latest.current.axisText(value))),
      },
    ],
    hooks: { draw: [(plot) => paint(plot, latest.current.scene)], ready: [area], setSize: [area] },
  };
}

function dataOf({ buckets }: Scene): uPlot.AlignedData {
  const xs = [buckets.fromUs, ...buckets.startsUs, buckets.toUs].map((us) => us / 1e6).sort((a, b) => a - b);
  return [xs, xs.map(() => 1)];
}

/** Keeps a uPlot canvas in `host`: made once per scale, fed and redrawn as the scene changes. */
export function useCanvas(host: RefObject<HTMLDivElement | null>, spec: CanvasSpec): PlotArea | null {
  const [area, setArea] = useState<PlotArea | null>(null);
  const latest = useRef(spec);
  const plot = useRef<uPlot | null>(null);
  useLayoutEffect(() => {
    latest.current = spec;
  });
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = new uPlot(optionsFor(latest, element.clientWidth, setArea), dataOf(latest.current.scene), element);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: latest.current.height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [host, spec.log, spec.height, spec.ticks]);
  useEffect(() => {
    plot.current?.setData(dataOf(spec.scene));
  }, [spec.scene, spec.zone]);
  return area;
}
