import type { Exact, SpanRow } from "../../api";
import { printExact } from "../../api";

const GROUPS: readonly (readonly [string, RegExp])[] = [
  ["Model", /^(llm_model|llm_system|llm_provider|gen_ai_(provider|system|response|operation)|llm_is_leaf|llm_observation|llm_convention|openinference)/],
  ["Request", /^(llm_request|gen_ai_request|llm_invocation|gen_ai_tool|llm_input|gen_ai_input|input_|http_|server_|gen_ai_system_instructions)/],
  ["Usage", /^(llm_token|llm_usage|gen_ai_usage|llm_cost)/],
  ["Answer", /^(llm_output|gen_ai_output|output_|llm_tool_call|error_|status)/],
  ["Serving", /^inferscope_/],
  ["Resource", /^(service_|scope_)/],
];

export type Attribute = { name: string; value: string };
export type Group = { title: string; attributes: Attribute[] };

export const printValue = (value: Exact): string => (typeof value === "string" ? value : printExact(value));

/** Columns of a row in groups, those that contain `filter` in name or value. */
export function grouped(row: SpanRow, filter: string): Group[] {
  const wanted = filter.trim().toLowerCase();
  const attributes = Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ({ name, value: printValue(value) }))
    .filter(({ name, value }) => wanted === "" || name.includes(wanted) || value.toLowerCase().includes(wanted))
    .sort((a, b) => a.name.localeCompare(b.name));
  const titleOf = (name: string): string => GROUPS.find(([, pattern]) => pattern.test(name))?.[0] ?? "Other";
  return [...GROUPS.map(([title]) => title), "Other"]
    .map((title) => ({ title, attributes: attributes.filter(({ name }) => titleOf(name) === title) }))
    .filter((group) => group.attributes.length > 0);
}
