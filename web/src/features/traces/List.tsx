import { useEffect, useRef } from "react";
import { type Live, type TraceFilter, type TraceRow, type UnknownField, useNewestTraces, useTraces } from "../../api";
import { ErrorState, exactCount, NoMatch, Skeleton, unitFor } from "../../ui";
import { setFilters } from "./filter";
import { FirstTrace } from "./FirstTrace";
import { Row } from "./Row";

type Props = { org: string; live: Live; zone: string; filter: TraceFilter; onFilterChanged: (filter: TraceFilter) => void };

function Table({ rows, org, zone }: { rows: readonly TraceRow[]; org: string; zone: string }) {
  const latency = unitFor(rows.map((row) => row.duration_us / 1e6));
  const ttft = unitFor(rows.map((row) => row.ttft_s));
  return (
    <div className="rows">
      <table className="traces" data-testid="traces">
        <thead>
          <tr>
            <th scope="col">Started</th>
            <th scope="col">Status</th>
            <th scope="col">Name · input</th>
            <th scope="col">Model</th>
            <th scope="col" className="number">Latency ({latency.name})</th>
            <th scope="col" className="number">TTFT ({ttft.name})</th>
            <th scope="col" className="number">Tokens in → out</th>
            <th scope="col" className="number">Cost</th>
            <th scope="col">Endpoint · replica</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => <Row key={row.trace_id} row={row} org={org} zone={zone} units={{ latency, ttft }} />)}
        </tbody>
      </table>
    </div>
  );
}

/** `j` and `k` walk the links of the list. */
function useRowKeys() {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const walk = (event: KeyboardEvent): void => {
      if ((event.key !== "j" && event.key !== "k") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a.whole") ?? [])];
      const at = links.findIndex((link) => link === document.activeElement);
      links[event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0)]?.focus();
    };
    addEventListener("keydown", walk);
    return () => removeEventListener("keydown", walk);
  }, []);
  return list;
}

function unknownField({ field, nearest }: UnknownField): string {
  return nearest === null ? `No span has the field ${field}.` : `No span has the field ${field}; did you mean ${nearest}?`;
}

function fresh(list: readonly TraceRow[], newest: readonly TraceRow[] | undefined): number {
  const known = new Set(list.map((row) => row.trace_id));
  return (newest ?? []).filter((row) => !known.has(row.trace_id)).length;
}

/** Traces of the range, newest first. The list stands still; what is new is counted and waits for a click. */
export function List({ org, live, zone, filter, onFilterChanged }: Props) {
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage, isFetching } = useTraces(org, live.range, filter);
  const first = data?.pages[0];
  const newest = useNewestTraces(org, live.range, filter, live.period, first);
  const list = useRowKeys();
  const retry = (): void => void refetch();
  if (data === undefined) return error ? <ErrorState what="The traces" failure={error} onRetry={retry} /> : <Skeleton lines={12} height={28} />;
  const rows = data.pages.flatMap((page) => page.traces);
  const waiting = fresh(rows, newest.data?.traces);
  const chips = setFilters(filter).map(({ key, name, value }) => ({ name, value, onRemove: () => onFilterChanged({ ...filter, [key]: "" }) }));
  return (
    <div className={`stack ${isFetching && !isFetchingNextPage ? "refreshing" : ""}`} ref={list}>
      {error && <div className="strip bad" role="alert">{error.message} <button type="button" className="button tiny" onClick={retry}>Retry</button></div>}
      {waiting > 0 && (
        <button type="button" className="button pill" onClick={retry} data-testid="new-traces">{waiting === 50 ? "50 or more" : waiting} new</button>
      )}
      {first && first.unknown_fields.length > 0 && <p className="strip warn" role="status" data-testid="unknown-fields">{first.unknown_fields.map(unknownField).join(" ")}</p>}
      {rows.length > 0 && <Table rows={rows} org={org} zone={zone} />}
      {rows.length === 0 && (chips.length > 0 ? <NoMatch what="traces" chips={chips}><p className="muted">Nothing in this range has all of these; take one off, or choose a longer range.</p></NoMatch> : <FirstTrace org={org} />)}
      {rows.length > 0 && (
        <div className="row">
          {hasNextPage && <button type="button" className="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()} data-testid="more">{isFetchingNextPage ? "Loading…" : "Older traces"}</button>}
          <span className="muted small" data-testid="traces-count">{exactCount(rows.length)} shown{hasNextPage ? ", more are older" : ", that is all in this range"}</span>
        </div>
      )}
    </div>
  );
}
