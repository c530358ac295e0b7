import type { SpanRow } from "../../api";
import { Attributes } from "./Attributes";
import { Chat } from "./Chat";
import { Events, eventsOf } from "./Events";
import { text } from "./facts";
import { Overview } from "./Overview";
import { Raw } from "./Raw";

export const PANES = ["chat", "overview", "attributes", "events", "raw"] as const;
export type Pane = (typeof PANES)[number];

const WORDS: Readonly<Record<Pane, string>> = { chat: "Chat", overview: "Overview", attributes: "Attributes", events: "Events", raw: "Raw" };

type Props = {
  row: SpanRow;
  /** The gateway's spans of the same call, where the row is an application's. */
  below: readonly SpanRow[];
  /** The span that stands for the model call, where it is another one. */
  callId: string | null;
  pane: Pane;
  zone: string;
  onPaneSelected: (pane: Pane) => void;
  onSpanSelected: (span: string) => void;
};

function Open({ row, below, pane, callId, zone, onSpanSelected }: Omit<Props, "onPaneSelected">) {
  switch (pane) {
    case "chat":
      return <Chat row={row} below={below} callId={callId} onSpanSelected={onSpanSelected} />;
    case "overview":
      return <Overview row={row} below={below} zone={zone} />;
    case "attributes":
      return <Attributes row={row} />;
    case "events":
      return <Events row={row} />;
    case "raw":
      return <Raw row={row} />;
  }
}

/** The selected span, seen in one of five ways. */
export function Detail(props: Props) {
  const { pane, row, onPaneSelected } = props;
  const events = eventsOf(row).length;
  return (
    <section className="panel detail" aria-label="Selected span">
      <div className="tabs" role="tablist" aria-label="Span">
        {PANES.map((each) => (
          <button key={each} type="button" role="tab" id={`tab-${each}`} aria-selected={each === pane} aria-controls="pane" onClick={() => onPaneSelected(each)} data-testid={`pane-${each}`}>
            {WORDS[each]}{each === "events" && events > 0 ? ` ${events}` : ""}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="pane" aria-labelledby={`tab-${pane}`}>
        <Open key={text(row, "span_id")} {...props} />
      </div>
    </section>
  );
}
