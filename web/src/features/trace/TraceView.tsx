import { type Trace, useTrace } from "../../api";
import { EmptyState, ErrorState, Skeleton, useShortcuts } from "../../ui";
import { type Call, callsOf } from "./calls";
import { Detail, type Pane, PANES } from "./Detail";
import { isGateway, text } from "./facts";
import { Header } from "./Header";
import { buildTree } from "./tree";
import { Waterfall } from "./Waterfall";

type Props = {
  org: string;
  traceId: string;
  zone: string;
  span: string;
  pane: Pane;
  onSpanSelected: (span: string) => void;
  onPaneSelected: (pane: Pane) => void;
};

/** The span that is opened where the address names none: the application's model call, else the gateway's, else the root. */
function mainCall(calls: readonly Call[]): string | null {
  const first = calls.find(([row]) => !isGateway(row)) ?? calls[0];
  return first ? text(first[0], "span_id") : null;
}

function Loaded({ trace, ...props }: Props & { trace: Trace }) {
  const { org, zone, span, pane, onSpanSelected, onPaneSelected } = props;
  const calls = callsOf(trace.spans);
  const call = mainCall(calls);
  const root = buildTree(trace.spans)[0]?.row;
  const selected = trace.spans.find((row) => row.span_id === span) ?? trace.spans.find((row) => row.span_id === call) ?? root;
  useShortcuts(Object.fromEntries(PANES.map((each, at) => [String(at + 1), () => onPaneSelected(each)])));
  if (!root || !selected) return <EmptyState title="This trace has no spans"><p className="muted">They may not have arrived yet.</p></EmptyState>;
  const id = text(selected, "span_id") ?? "";
  const below = calls.find(([row]) => row === selected)?.slice(1) ?? [];
  return (
    <>
      <Header trace={trace} root={root} org={org} zone={zone} />
      <div className="trace">
        <section className="panel" aria-label="Waterfall"><Waterfall spans={trace.spans} selected={id} onSelected={onSpanSelected} /></section>
        <Detail row={selected} below={below} callId={call === id ? null : call} pane={pane} zone={zone} onPaneSelected={onPaneSelected} onSpanSelected={onSpanSelected} />
      </div>
    </>
  );
}

/** One trace: its spans over time, and the selected one in full. */
export function TraceView(props: Props) {
  const { data, error, refetch } = useTrace(props.org, props.traceId);
  if (data) return <Loaded {...props} trace={data} />;
  if (error && "status" in error && error.status === 404) {
    return <EmptyState title="No such trace here"><p className="muted">No span of <code>{props.traceId}</code> is stored in this organization: it may be past retention, or not have arrived yet.</p></EmptyState>;
  }
  return error ? <ErrorState what="The trace" failure={error} onRetry={() => void refetch()} /> : <Skeleton lines={10} height={26} />;
}
