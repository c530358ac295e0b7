import type { MouseEvent } from "react";
import { usePoint } from "./crosshair";
import { lastAndMax } from "./scale";
import { Swatch } from "./Swatch";
import type { ChartSeries } from "./types";

type Props = {
  series: readonly ChartSeries[];
  hidden: readonly string[];
  chart: string;
  text: (value: number | null) => string;
  onHiddenChanged: (hidden: readonly string[]) => void;
};

function toggled(hidden: readonly string[], key: string): string[] {
  return hidden.includes(key) ? hidden.filter((each) => each !== key) : [...hidden, key];
}

/** Hides all others, or shows all again when it was already alone. */
function isolated(hidden: readonly string[], key: string, all: readonly string[]): string[] {
  const others = all.filter((each) => each !== key);
  const rest = hidden.filter((each) => !all.includes(each));
  return others.every((each) => hidden.includes(each)) ? rest : [...rest, ...others];
}

/** Click switches a series off and on, Alt-click shows it alone; values follow the crosshair of another chart. */
export function Legend({ series, hidden, chart, text, onHiddenChanged }: Props) {
  const point = usePoint();
  const elsewhere = point !== null && point.chart !== chart ? point.bucket : null;
  const click = (event: MouseEvent, key: string): void =>
    onHiddenChanged(event.altKey ? isolated(hidden, key, series.map((each) => each.key)) : toggled(hidden, key));
  return (
    <ul className="legend">
      {series.filter((each) => each.shape !== "band").map((each) => {
        const { last, max } = lastAndMax(each.values);
        const value = elsewhere === null ? null : (each.values[elsewhere] ?? null);
        return (
          <li key={each.key}>
            <button
              type="button"
              aria-pressed={!hidden.includes(each.key)}
              onClick={(event) => click(event, each.key)}
              data-testid={`legend-${each.key}`}
              title="Click hides or shows, Alt-click shows alone"
            >
              <Swatch series={each} />
              <span className={hidden.includes(each.key) ? "struck" : ""}>{each.label}</span>
              <span className="muted">{elsewhere === null ? `${text(last)} · max ${text(max)}` : text(value)}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
