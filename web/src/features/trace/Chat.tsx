import { useState } from "react";
import type { SpanRow } from "../../api";
import { CopyButton, count } from "../../ui";
import { factOf, teller } from "./calls";
import { isError, text } from "./facts";
import { type Conversation, conversationOf, isSilent, type Message, type Part } from "./messages";

const SHOWN = 4000;

/** Long text is cut on screen, and one click shows the rest. */
function LongText({ value, mono }: { value: string; mono?: true }) {
  const [all, setAll] = useState(false);
  const cut = !all && value.length > SHOWN;
  return (
    <>
      <div className={mono ? "said mono" : "said"}>{cut ? `${value.slice(0, SHOWN)}…` : value}</div>
      {cut && <button type="button" className="button tiny" onClick={() => setAll(true)}>show all {count(value.length)} characters</button>}
    </>
  );
}

function PartView({ part }: { part: Part }) {
  switch (part.kind) {
    case "text":
      return <LongText value={part.text} />;
    case "reasoning":
      return <details className="folded"><summary>reasoning, {count(part.text.length)} characters</summary><LongText value={part.text} /></details>;
    case "tool_call":
      return <details className="folded" open><summary>⚙ <code>{part.name}</code>{part.id !== null && <span className="muted small"> {part.id}</span>}</summary><LongText value={part.arguments} mono /></details>;
    case "tool_result":
      return <div>{part.id !== null && <div className="muted small">answers {part.id}</div>}<LongText value={part.text} mono /></div>;
    case "media":
      return <div className="media muted">▣ {part.what}, not loaded</div>;
    case "other":
      return <details className="folded"><summary>part of another kind</summary><LongText value={part.json} mono /></details>;
  }
}

const asText = (message: Message): string =>
  message.parts.map((part) => ("text" in part ? part.text : part.kind === "tool_call" ? `${part.name}(${part.arguments})` : "")).join("\n");

function MessageView({ message }: { message: Message }) {
  return (
    <li className={`message role-${message.role}`} data-testid="message" data-role={message.role}>
      <div className="row message-head">
        <strong className="grow">{message.role}</strong>
        {message.finish !== null && <span className="muted small">finish: {message.finish}</span>}
        <CopyButton text={asText(message)} what="message" />
      </div>
      {message.parts.length === 0 ? <span className="muted">empty</span> : message.parts.map((part, at) => <PartView key={at} part={part} />)}
    </li>
  );
}

/** One direction of a call, from the first of its spans that has it. */
function Side({ call, side }: { call: readonly [SpanRow, ...SpanRow[]]; side: "input" | "output" }) {
  const row = teller(call, (each) => !isSilent(conversationOf(each)[side]));
  if (row === null) return null;
  const { messages, raw }: Conversation = conversationOf(row)[side];
  return (
    <>
      {row !== call[0] && <li className="muted small" data-testid={`${side}-as-gateway-saw`}>{side}, as the gateway saw it:</li>}
      {messages.map((message, at) => <MessageView key={at} message={message} />)}
      {raw !== null && <li className="message"><strong>{side}</strong><LongText value={raw} mono /></li>}
    </>
  );
}

function ends(row: SpanRow): string | null {
  const end = text(row, "inferscope_end");
  if (end === "client_left") return "cut: the client left before the end";
  return end === "upstream_failed" ? "cut: the replica failed before the end" : null;
}

type Props = { row: SpanRow; /** The gateway's spans of the same call. */ below: readonly SpanRow[]; callId: string | null; onSpanSelected: (span: string) => void };

/** What was said, in order: input, then output, then how it failed if it did. */
export function Chat({ row, below, callId, onSpanSelected }: Props) {
  const call = [row, ...below] as const;
  const none = call.map(conversationOf).every(({ input, output }) => isSilent(input) && isSilent(output));
  const cut = factOf(call, ends);
  return (
    <div className="stack chat" data-testid="chat">
      {none && (
        <p className="muted">
          This span carries no messages.{" "}
          {callId !== null && <button type="button" className="button tiny" onClick={() => onSpanSelected(callId)}>Show the model call</button>}
        </p>
      )}
      <ol className="messages">
        <Side call={call} side="input" />
        <Side call={call} side="output" />
      </ol>
      {cut !== null && <p className="strip warn">{cut}</p>}
      {isError(row) && (
        <p className="strip bad" data-testid="chat-error"><strong>{text(row, "error_class")?.replaceAll("_", " ") ?? text(row, "error_type") ?? "error"}</strong> {text(row, "error_message") ?? text(row, "status_message") ?? "no message was recorded"}</p>
      )}
    </div>
  );
}
