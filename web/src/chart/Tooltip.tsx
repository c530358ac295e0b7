import type { ReactNode } from "react";
import { CopyButton } from "../ui/CopyButton";
import { offset, slot } from "../ui/moment";
import { percent } from "../ui/number";
import { ranked, stackTotals } from "./scale";
import { Swatch } from "./Swatch";
import type { Buckets, ChartSeries } from "./types";

export type TooltipProps = {
  series: readonly ChartSeries[];
  buckets: Buckets;
  bucket: number;
  zone: string;
  text: (value: number | null) => string;
  pinned: boolean;
  /** What a pinned bucket leads to: links to its traces. */
  links: ReactNode;
  /** "n" of a percentile's samples, per bucket. */
  samples: string | null;
  focused: string | null;
  onZoom: () => void;
  onClose: () => void;
};

function Rows({ series, bucket, text, focused, total }: Pick<TooltipProps, "series" | "bucket" | "text" | "focused"> & { total: number | null }) {
  return (
    <table>
      <tbody>
        {ranked(series, bucket).map(({ series: each, value }) => (
          <tr key={each.key} className={each.key === focused ? "focused" : ""}>
            <td><Swatch series={each} /></td>
            <th scope="row">{each.label}</th>
            <td className="number">{text(value)}</td>
            {total !== null && <td className="number muted">{value === null || total === 0 ? "" : percent(value / total)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What one bucket holds; pinned, it can be copied, zoomed to, and followed to its traces. */
export function Tooltip(props: TooltipProps) {
  const { series, buckets, bucket, zone, text, pinned, links, samples, onZoom, onClose } = props;
  const start = buckets.startsUs[bucket] ?? 0;
  const end = start + buckets.stepUs;
  const total = series.some((each) => each.shape === "bar") ? (stackTotals(series, buckets.startsUs.length)[bucket] ?? null) : null;
  const title = `${slot(start, end, zone)} ${offset(start, zone)}`;
  const asText = [title, ...ranked(series, bucket).map(({ series: each, value }) => `${each.label}\t${text(value)}`)].join("\n");
  return (
    <div className="tooltip" data-testid="tooltip" data-pinned={pinned}>
      <div className="small nowrap"><strong>{title}</strong></div>
      <Rows {...props} total={total} />
      {total !== null && <div className="small">total {text(total)}</div>}
      {samples !== null && <div className="small muted">{samples}</div>}
      {buckets.partialLast && bucket === buckets.startsUs.length - 1 && <div className="small muted">still filling</div>}
      {pinned ? (
        <div className="row tooltip-actions">
          {links}
          <button type="button" className="button tiny" onClick={onZoom}>Zoom here</button>
          <CopyButton text={asText} what="values" label="Copy" />
          <button type="button" className="button tiny quiet" onClick={onClose}>Close</button>
        </div>
      ) : (
        <div className="small muted">Click pins and offers the traces</div>
      )}
    </div>
  );
}
