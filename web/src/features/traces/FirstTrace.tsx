import { asBasic, authorization } from "../../api";
import { EmptyState, Snippet } from "../../ui";

const PYTHON = `from openinference.instrumentation.openai import OpenAIInstrumentor
from openobserve import openobserve_init

OpenAIInstrumentor().instrument()
openobserve_init()`;

/** No trace ever came: the lines that make the first one appear. */
export function FirstTrace({ org }: { org: string }) {
  const header = authorization();
  const env = (value: string): string =>
    [`OPENOBSERVE_URL="${location.origin}"`, `OPENOBSERVE_ORG="${org}"`, `OPENOBSERVE_AUTH_TOKEN="${value}"`].join("\n");
  return (
    <EmptyState title="No traces in this range">
      <p><span className="waiting" aria-hidden="true">◌</span> Waiting for the first span. Put these lines into the program's <code>.env</code>:</p>
      <Snippet text={env(header === null ? "Basic …" : asBasic(header))} shown={env("Basic …")} what=".env lines with your token" />
      <p>and these into the program:</p>
      <Snippet text={PYTHON} what="Python program" />
      <p className="muted">Any OpenTelemetry exporter works too: send OTLP to <code>{location.origin}/api/{org}/v1/traces</code>. Older traces may lie outside this range.</p>
    </EmptyState>
  );
}
