import type { EndpointDetail } from "../../api";
import { CopyButton, StateBadge, THIN } from "../../ui";
import { stateWord } from "./words";

/** Name, state and replicas of an endpoint. */
export function Header({ endpoint, name }: { endpoint: EndpointDetail | undefined; name: string }) {
  const atLimit = endpoint !== undefined && endpoint.replicas.running >= endpoint.replicas.max && (endpoint.pending ?? 0) > 0;
  return (
    <header className="row page-header">
      <h1>{name}</h1>
      {endpoint && (
        <>
          <StateBadge state={endpoint.state} word={stateWord(endpoint.state)} />
          {endpoint.state === "failed" && endpoint.message && <span className="strip bad" data-testid="endpoint-message">{endpoint.message}</span>}
          <span className="muted">
            {endpoint.replicas.running} of {endpoint.replicas.max} replicas
          </span>
          {atLimit && <span className="badge warn">at its limit: {endpoint.pending}{THIN}pending</span>}
          {endpoint.model !== null && <code className="muted clip">{endpoint.model}</code>}
          <span className="grow" />
          <span className="row small muted no-wrap">
            <code className="clip">{endpoint.url}</code>
            <CopyButton text={`${location.origin}${endpoint.url}`} what="endpoint address" />
          </span>
        </>
      )}
    </header>
  );
}
