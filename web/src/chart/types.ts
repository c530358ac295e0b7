/** One value a bucket; null where nothing was measured. */
export type Values = readonly (number | null)[];

export type Pattern = "solid" | "dots" | "thin" | "wide" | "cross" | "outline";
export type Dash = "solid" | "dashed" | "dotted" | "limit";

export type ChartSeries = {
  /** Name in the address (`hide=`); unique on its page. */
  key: string;
  label: string;
  /** Name at the right end of its line; the label where it is short enough. */
  short?: string;
  values: Values;
  /** Name of a colour of tokens.css, with its dashes. */
  color: string;
  /** 0 is the colour itself, 1 the surface behind it. */
  shade?: number;
  /** Bars are stacked in the order given; steps are levels; lines are measures of what happened in a bucket. */
  shape: "bar" | "step" | "line" | "band";
  pattern?: Pattern;
  dash?: Dash;
  width?: number;
  /** Upper edge of a band; `values` is the lower one. */
  upper?: Values;
};

/** The time slots that every chart of a page shares. */
export type Buckets = {
  startsUs: readonly number[];
  stepUs: number;
  fromUs: number;
  toUs: number;
  /** The last bucket is still filling. */
  partialLast: boolean;
};

export type SelectedRange = { fromUs: number; toUs: number };
