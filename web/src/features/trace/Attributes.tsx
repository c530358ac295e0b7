import { useState } from "react";
import type { SpanRow } from "../../api";
import { CopyButton } from "../../ui";
import { type Attribute, grouped } from "./attributes";

function Value({ name, value }: Attribute) {
  const [all, setAll] = useState(false);
  const long = value.length > 300;
  return (
    <tr>
      <th scope="row" className="mono">{name}</th>
      <td className="attribute-value">
        <span className="mono said">{long && !all ? `${value.slice(0, 300)}…` : value}</span>
        {long && <button type="button" className="button tiny" onClick={() => setAll(!all)}>{all ? "less" : "all"}</button>}
      </td>
      <td className="number"><CopyButton text={value} what={name} /></td>
    </tr>
  );
}

/** Every column of the span that is not null. */
export function Attributes({ row }: { row: SpanRow }) {
  const [filter, setFilter] = useState("");
  const groups = grouped(row, filter);
  return (
    <div className="stack" data-testid="attributes">
      <input className="field" type="search" aria-label="Filter attributes" placeholder="name or value" value={filter} onChange={(event) => setFilter(event.target.value)} data-testid="attributes-filter" />
      {groups.length === 0 && <p className="muted" data-testid="no-match">No attribute has “{filter}” in its name or value.</p>}
      {groups.map(({ title, attributes }) => (
        <section key={title}>
          <h2>{title}</h2>
          <table className="attribute-table">
            <tbody>{attributes.map((each) => <Value key={each.name} {...each} />)}</tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
