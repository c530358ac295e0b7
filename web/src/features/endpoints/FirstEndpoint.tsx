import { authorization } from "../../api";
import { EmptyState, Snippet } from "../../ui";

const CONFIG = `[[endpoint]]
name = "llama"
model = "meta-llama/Llama-3.1-8B-Instruct"
min_replicas = 1
max_replicas = 2
replicas = [{ url = "http://127.0.0.1:9001" }]`;

/** No endpoint yet: what will stand here, and the lines that make it appear. */
export function FirstEndpoint() {
  const token = authorization()?.replace(/^(Bearer|Basic) /, "") ?? "isk_…";
  const env = (shown: string): string => `OPENAI_BASE_URL="${location.origin}/v1"\nHF_TOKEN="${shown}"`;
  return (
    <EmptyState title="No endpoints yet">
      <p>An endpoint is a model behind one address. Its requests, latency, errors and replicas appear here. Declare it in the configuration file and restart:</p>
      <Snippet text={CONFIG} what="endpoint configuration" />
      <p>Then point a client at the gateway:</p>
      <Snippet text={env(token)} shown={env("…")} what="environment of the client" />
    </EmptyState>
  );
}
