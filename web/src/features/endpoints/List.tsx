import type { Endpoint, Live } from "../../api";
import { useEndpoints } from "../../api";
import { AsOf, ErrorState, NoMatch, Skeleton, StaleStrip, unitFor } from "../../ui";
import { FirstEndpoint } from "./FirstEndpoint";
import { type Column, matching, type Order, printOrder, readOrder, sorted } from "./order";
import { Row } from "./Row";
import { STATES, WORDS } from "./words";

type Props = {
  org: string;
  live: Live;
  zone: string;
  text: string;
  state: string;
  sort: string;
  onTextChanged: (text: string) => void;
  onStateChanged: (state: string) => void;
  onSortChanged: (sort: string) => void;
};

function Head({ column, order, label, number, onOrder }: { column: Column; order: Order; label: string; number?: true; onOrder: (order: Order) => void }) {
  const on = order.column === column;
  const mark = on ? (order.descending ? " ↓" : " ↑") : "";
  return (
    <th scope="col" className={number ? "number" : ""} aria-sort={on ? (order.descending ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onOrder({ column, descending: on ? !order.descending : number === true })}>{label}{mark}</button>
    </th>
  );
}

function Table({ endpoints, org, sort, onSortChanged }: Pick<Props, "org" | "sort" | "onSortChanged"> & { endpoints: readonly Endpoint[] }) {
  const order = readOrder(sort);
  const unit = unitFor(endpoints.map((each) => each.window.latency_p95_s));
  const head = { order, onOrder: (next: Order) => onSortChanged(printOrder(next)) };
  return (
    <div className="rows">
      <table>
        <thead>
          <tr>
            <Head column="name" label="Name" {...head} />
            <Head column="state" label="State" {...head} />
            <Head column="rate" label="Req/min" number {...head} />
            <Head column="errors" label="Errors" number {...head} />
            <Head column="p95" label={`p95 (${unit.name})`} number {...head} />
            <Head column="ttft" label={`TTFT p95 (${unit.name})`} number {...head} />
            <Head column="pending" label="Pending" number {...head} />
            <Head column="replicas" label="Replicas" number {...head} />
          </tr>
        </thead>
        <tbody>{sorted(endpoints, order).map((each) => <Row key={each.name} endpoint={each} org={org} unit={unit} />)}</tbody>
      </table>
    </div>
  );
}

function Filters({ text, state, onTextChanged, onStateChanged }: Pick<Props, "text" | "state" | "onTextChanged" | "onStateChanged">) {
  return (
    <div className="row">
      <input className="field" type="search" aria-label="Filter by name, model or engine" placeholder="name, model, engine" value={text} onChange={(event) => onTextChanged(event.target.value)} data-testid="endpoints-filter" data-focus="/" />
      <select className="field" aria-label="State" value={state} onChange={(event) => onStateChanged(event.target.value)} data-testid="endpoints-state">
        <option value="">All states</option>
        {STATES.map((each) => <option key={each} value={each}>{WORDS[each]}</option>)}
      </select>
    </div>
  );
}

/** Every endpoint of the organization, those that need a look first. */
export function List(props: Props) {
  const { org, live, zone, text, state } = props;
  const { data, error, refetch, isPlaceholderData, dataUpdatedAt } = useEndpoints(org, live);
  const retry = (): void => void refetch();
  if (data === undefined) return error ? <ErrorState what="The endpoints" failure={error} onRetry={retry} /> : <Skeleton lines={8} height={36} />;
  if (data.data.length === 0) return <FirstEndpoint />;
  const shown = matching(data.data, text, state);
  const chips = [
    ...(text === "" ? [] : [{ name: "text", value: text, onRemove: () => props.onTextChanged("") }]),
    ...(state === "" ? [] : [{ name: "state", value: state, onRemove: () => props.onStateChanged("") }]),
  ];
  return (
    <div className={`stack ${isPlaceholderData ? "refreshing" : ""}`}>
      <StaleStrip updatedAt={dataUpdatedAt} period={live.period} failure={error} onRetry={retry} />
      <Filters {...props} />
      {shown.length === 0 ? <NoMatch what="endpoints" chips={chips} /> : <Table {...props} endpoints={shown} />}
      <div className="row"><span className="muted small">{shown.length} of {data.data.length}</span> <AsOf updatedAt={dataUpdatedAt} zone={zone} /></div>
    </div>
  );
}
