import type { ReactNode } from "react";
import type { SpanRow } from "../../api";
import { ABSENT, CopyButton, duration, exactCount, money, stamp, tokens } from "../../ui";
import { costEstimate, costOrigin, costTeller } from "./cost";
import { durationUs, isCall, number, startUs, text, tokenSource } from "./facts";
import { tokenTeller } from "./totals";

const ORIGINS: Readonly<Record<string, string>> = {
  reported: "reported by the server",
  derived: "≈ counted by us",
  partial: "≥ the stream was cut",
};

function Facts({ title, facts }: { title: string; facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <section>
      <h2>{title}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? ABSENT}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Copied({ value, what }: { value: string | null; what: string }) {
  return value === null ? <>{ABSENT}</> : <span className="row no-wrap"><code className="clip">{value}</code><CopyButton text={value} what={what} /></span>;
}

/** Tokens and cost of a call, each from the span that tells them. */
function usage(row: SpanRow, paid: SpanRow): readonly (readonly [string, ReactNode])[] {
  const source = tokenSource(row);
  const estimate = costEstimate(paid);
  const of = (column: string): string => tokens(number(row, column), source);
  return [
    ["Input", of("llm_token_count_prompt")],
    ["of which cached", of("llm_token_count_prompt_details_cache_read")],
    ["Output", of("llm_token_count_completion")],
    ["of which reasoning", of("llm_token_count_completion_details_reasoning")],
    ["Total", of("llm_token_count_total")],
    ["Origin", source === null ? ABSENT : (ORIGINS[source] ?? source)],
    ["Cost", <span key="cost" data-testid="cost">{money(number(paid, "llm_usage_cost_total"), 4)}</span>],
    ["Price", <span key="price" data-testid="cost-origin">{costOrigin(paid) ?? ABSENT}</span>],
    ...(estimate === null ? [] : [["Estimate", <span key="estimate" data-testid="cost-estimate">{estimate}</span>] as const]),
  ];
}

function model(row: SpanRow): readonly (readonly [string, ReactNode])[] {
  return [
    ["Requested", text(row, "llm_request_parameters_model")],
    ["Answered", text(row, "llm_model_name")],
    ["API", text(row, "llm_system")],
    ["Provider", text(row, "gen_ai_provider_name")],
    ["Max tokens", exactCount(number(row, "llm_request_parameters_max_tokens"))],
    ["Temperature", number(row, "llm_request_parameters_temperature")],
    ["Finish reasons", text(row, "gen_ai_response_finish_reasons")],
    ["Response id", <Copied key="id" value={text(row, "gen_ai_response_id")} what="response id" />],
  ];
}

/** The facts of one span that people ask first. */
export function Overview({ row, below, zone }: { row: SpanRow; below: readonly SpanRow[]; zone: string }) {
  const told = tokenTeller([row, ...below]) ?? row;
  return (
    <div className="stack overview" data-testid="overview">
      <Facts
        title="Span"
        facts={[
          ["Name", text(row, "operation_name")],
          ["Service", text(row, "service_name")],
          ["Started", stamp(startUs(row), zone)],
          ["Duration", duration(durationUs(row) / 1e6)],
          ["First token", duration(number(row, "gen_ai_response_time_to_first_chunk"))],
          ["Status", text(row, "span_status")],
          ["HTTP status", number(row, "http_response_status_code")],
          ["Error", text(row, "error_class")?.replaceAll("_", " ")],
          ["Span id", <Copied key="id" value={text(row, "span_id")} what="span id" />],
          ["Seen by", text(row, "inferscope_vantage_point")],
        ]}
      />
      {isCall(row) && <Facts title="Model" facts={model(row)} />}
      {isCall(row) && <Facts title={told === row ? "Tokens and cost" : "Tokens and cost, as the gateway saw them"} facts={usage(told, costTeller([row, ...below]) ?? told)} />}
    </div>
  );
}
