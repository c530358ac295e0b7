import type { SpanRow } from "../../api";
import { isObject, json } from "./facts";

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "tool_call"; id: string | null; name: string; arguments: string }
  | { kind: "tool_result"; id: string | null; text: string }
  /** An image, a sound or a file: never loaded by itself. */
  | { kind: "media"; what: string }
  | { kind: "other"; json: string };

export type Message = { role: string; parts: Part[]; finish: string | null };

export type Conversation = { messages: Message[]; /** Input or output that is no list of messages. */ raw: string | null };

function show(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
const maybe = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function partOf(part: unknown): Part {
  if (typeof part === "string") return { kind: "text", text: part };
  if (!isObject(part)) return { kind: "other", json: show(part) };
  const { type } = part;
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      return { kind: "text", text: show(part.content ?? part.text ?? "") };
    case "reasoning":
    case "thinking":
      return { kind: "reasoning", text: show(part.content ?? part.text ?? part.thinking ?? "") };
    case "tool_call":
    case "server_tool_call":
      return { kind: "tool_call", id: maybe(part.id), name: maybe(part.name) ?? "tool", arguments: show(part.arguments ?? {}) };
    case "tool_call_response":
    case "server_tool_call_response":
      return { kind: "tool_result", id: maybe(part.id), text: show(part.response ?? part.result ?? part.content ?? "") };
    case "image_url":
    case "input_image":
    case "input_audio":
    case "input_file":
    case "blob":
    case "file":
    case "uri":
      return { kind: "media", what: [maybe(part.modality), maybe(part.mime_type)].filter((each) => each !== null).join(", ") || type.replace("_", " ") };
    default:
      return { kind: "other", json: show(part) };
  }
}

/** Tool calls as OpenAI's chat dialect nests them in a message. */
function openAiCalls(calls: unknown): Part[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isObject).map((call): Part => {
    const called = isObject(call.function) ? call.function : call;
    return { kind: "tool_call", id: maybe(call.id), name: maybe(called.name) ?? "tool", arguments: show(called.arguments ?? {}) };
  });
}

function messageOf(value: unknown): Message | null {
  if (!isObject(value)) return null;
  const role = maybe(value.role) ?? "assistant";
  const finish = maybe(value.finish_reason);
  if (Array.isArray(value.parts)) return { role, finish, parts: value.parts.map(partOf) };
  const { content } = value;
  if (content === undefined && value.tool_calls === undefined) return null;
  if (role === "tool") return { role, finish, parts: [{ kind: "tool_result", id: maybe(value.tool_call_id), text: show(content ?? "") }] };
  const thought = maybe(value.reasoning_content) ?? maybe(value.reasoning);
  const said = Array.isArray(content) ? content.map(partOf) : typeof content === "string" && content !== "" ? [partOf(content)] : [];
  return { role, finish, parts: [...(thought === null ? [] : [{ kind: "reasoning", text: thought } as const]), ...said, ...openAiCalls(value.tool_calls)] };
}

/** Messages of a list, of an OpenAI request, or of an OpenAI answer; null where it is none of them. */
export function readMessages(value: unknown): Message[] | null {
  if (Array.isArray(value)) {
    const messages = value.map(messageOf);
    return messages.length > 0 && messages.every((each) => each !== null) ? messages : null;
  }
  if (!isObject(value)) return null;
  if (Array.isArray(value.messages)) return readMessages(value.messages);
  if (Array.isArray(value.choices)) {
    const messages = value.choices.filter(isObject).map((choice) => {
      const message = messageOf(choice.message) ?? (typeof choice.text === "string" ? { role: "assistant", finish: null, parts: [partOf(choice.text)] } : null);
      return message === null ? null : { ...message, finish: maybe(choice.finish_reason) };
    });
    return messages.every((each) => each !== null) ? messages : null;
  }
  const single = messageOf(value);
  return single === null ? null : [single];
}

function side(row: SpanRow, canonical: string, fallback: string, role: string): Conversation {
  const messages = readMessages(json(row, canonical)) ?? readMessages(json(row, fallback));
  if (messages !== null) return { messages, raw: null };
  const value = json(row, canonical) ?? json(row, fallback);
  if (value === null) return { messages: [], raw: null };
  if (typeof value === "string") return { messages: [{ role, finish: null, parts: [{ kind: "text", text: value }] }], raw: null };
  return { messages: [], raw: show(value) };
}

/** Whether nothing at all was said. */
export const isSilent = ({ messages, raw }: Conversation): boolean => messages.length === 0 && raw === null;

/** What was sent and what came back, from the canonical part form, else from whatever was stored. */
export function conversationOf(row: SpanRow): { input: Conversation; output: Conversation } {
  const instructions = readInstructions(json(row, "gen_ai_system_instructions"));
  const input = side(row, "gen_ai_input_messages", "llm_input", "user");
  return {
    input: { ...input, messages: [...instructions, ...input.messages] },
    output: side(row, "gen_ai_output_messages", "llm_output", "assistant"),
  };
}

function readInstructions(value: unknown): Message[] {
  if (typeof value === "string" && value !== "") return [{ role: "system", finish: null, parts: [{ kind: "text", text: value }] }];
  return Array.isArray(value) && value.length > 0 ? [{ role: "system", finish: null, parts: value.map(partOf) }] : [];
}
