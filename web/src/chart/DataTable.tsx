import type { KeyboardEvent } from "react";
import { offset, stamp } from "../ui/moment";
import type { Buckets, ChartSeries } from "./types";

type Props = { title: string; series: readonly ChartSeries[]; buckets: Buckets; zone: string; unit: string; text: (value: number | null) => string; /** Back to the chart. */ onChart: () => void };

/** A chart's numbers as a table, newest first. */
export function DataTable({ title, series, buckets, zone, unit, text, onChart }: Props) {
  const columns = series.filter((each) => each.shape !== "band");
  const keys = (event: KeyboardEvent): void => {
    if (event.key !== "d" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    onChart();
  };
  return (
    <div className="data-table" tabIndex={0} role="region" aria-label={`${title}, data`} onKeyDown={keys}>
      <table data-testid="data-table">
        <caption>
          {title}, {unit}, times in {zone} ({offset(buckets.toUs, zone)})
        </caption>
        <thead>
          <tr>
            <th scope="col">Bucket start</th>
            {columns.map((each) => (
              <th scope="col" className="number" key={each.key}>{each.label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {buckets.startsUs.map((start, bucket) => (
            <tr key={start}>
              <th scope="row">{stamp(start, zone)}</th>
              {columns.map((each) => (
                <td className="number" key={each.key}>{text(each.values[bucket] ?? null)}</td>
              ))}
            </tr>
          )).reverse()}
        </tbody>
      </table>
    </div>
  );
}
