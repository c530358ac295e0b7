import "uplot/dist/uPlot.min.css";
import "./chart.css";

export { CrosshairGroup, type Crosshair, useOwnCrosshair, usePinned } from "./crosshair";
export { type ChartFrame, TimeChart } from "./TimeChart";
export type { Buckets, ChartSeries, Dash, Pattern, SelectedRange, Values } from "./types";
export { usePointer } from "./usePointer";
