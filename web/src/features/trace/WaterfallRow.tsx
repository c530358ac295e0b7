import { duration, tokens } from "../../ui";
import { durationUs, isCall, isError, isGateway, number, startUs, text, tokenSource } from "./facts";
import type { Node } from "./tree";

type Props = {
  node: Node;
  range: { fromUs: number; toUs: number };
  top: number;
  height: number;
  selected: boolean;
  collapsed: boolean;
  onSelected: () => void;
  onFolded: (folded: boolean) => void;
};

const KINDS: Readonly<Record<string, string>> = { "1": "internal", "2": "server", "3": "client", "4": "producer", "5": "consumer" };

function glyph({ row }: Node): string {
  if (isGateway(row)) return "⇄";
  if (isCall(row)) return "✦";
  return row.llm_observation_type === "TOOL" ? "⚙" : "·";
}

/** The bar: until the first token lighter, from then on full. */
function Bar({ node, range }: Pick<Props, "node" | "range">) {
  const { row } = node;
  const length = range.toUs - range.fromUs;
  const left = ((startUs(row) - range.fromUs) / length) * 100;
  const width = (durationUs(row) / length) * 100;
  const ttft = number(row, "gen_ai_response_time_to_first_chunk");
  const first = ttft === null || durationUs(row) === 0 ? null : Math.min(100, (ttft * 1e8) / durationUs(row));
  const kind = isError(row) ? "bar-error" : isGateway(row) ? "bar-gateway" : isCall(row) ? "bar-call" : "bar-plain";
  return (
    <div className="bar-track">
      <div className={`bar ${kind}`} style={{ left: `${left}%`, width: `max(2px, ${width}%)` }}>
        {first !== null && <i className="bar-wait" style={{ width: `${first}%` }} title={`first token after ${duration(ttft)}`} />}
      </div>
    </div>
  );
}

export function WaterfallRow({ node, range, top, height, selected, collapsed, onSelected, onFolded }: Props) {
  const { row, children, depth, orphan } = node;
  const name = text(row, "operation_name") ?? "unnamed";
  const output = number(row, "llm_token_count_completion");
  const title = [name, text(row, "service_name"), KINDS[text(row, "span_kind") ?? ""], orphan ? "its parent span is not here" : null].filter((each) => each !== null && each !== undefined).join(" · ");
  return (
    <div id={`span-${node.id}`} className="waterfall-row" role="treeitem" aria-level={depth + 1} aria-selected={selected} {...(children.length > 0 ? { "aria-expanded": !collapsed } : {})} style={{ transform: `translateY(${top}px)`, height }} onClick={onSelected} title={title} data-testid={`span-${node.id}`}>
      <div className="waterfall-name" style={{ paddingLeft: Math.min(depth, 12) * 14 }}>
        {children.length > 0 ? (
          <button type="button" tabIndex={-1} className="fold" onClick={(event) => { event.stopPropagation(); onFolded(!collapsed); }} aria-label={collapsed ? `Expand ${name}` : `Collapse ${name}`}>{collapsed ? "▸" : "▾"}</button>
        ) : (
          <span className="fold" />
        )}
        <span aria-hidden="true" className="muted">{glyph(node)}</span>
        <span className="clip">{orphan && <span className="muted" title="its parent span is not here">⤷? </span>}{name}</span>
        {output !== null && <span className="muted small nowrap">{tokens(output, tokenSource(row))} tok</span>}
      </div>
      <Bar node={node} range={range} />
      <span className="bar-label small">{isError(row) && <b className="bar-failed" title="error">✕ </b>}{duration(durationUs(row) / 1e6)}</span>
    </div>
  );
}
