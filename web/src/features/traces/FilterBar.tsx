import { type SyntheticEvent, type ReactNode, useState } from "react";
import type { TraceFilter } from "../../api";
import { ERROR_CLASSES, setFilters } from "./filter";

type Props = {
  filter: TraceFilter;
  /** Values that are known to exist: models and endpoints of the range. */
  known: { models: readonly string[]; endpoints: readonly string[] };
  onFilterChanged: (filter: TraceFilter) => void;
};

/** Text that is applied by Enter or on leaving the field, so that no letter asks the server. */
function Applied({ label, value, list, wide, id, onApplied }: { label: string; value: string; list?: readonly string[]; wide?: true; id: string; onApplied: (value: string) => void }) {
  const [draft, setDraft] = useState(value);
  const apply = (): void => {
    if (draft.trim() !== value) onApplied(draft.trim());
  };
  return (
    <form className={wide ? "grow filter-wide" : "filter"} onSubmit={(event: SyntheticEvent) => { event.preventDefault(); apply(); }}>
      <input className="field" type="search" aria-label={label} placeholder={label} value={draft} list={list ? `${id}-list` : undefined} onChange={(event) => setDraft(event.target.value)} onBlur={apply} data-testid={id} data-focus={wide ? "/" : undefined} />
      {list && (
        <datalist id={`${id}-list`}>
          {list.map((each) => <option key={each} value={each} />)}
        </datalist>
      )}
    </form>
  );
}

function Choice({ label, value, id, onChosen, children }: { label: string; value: string; id: string; onChosen: (value: string) => void; children: ReactNode }) {
  return (
    <select className="field" aria-label={label} value={value} onChange={(event) => onChosen(event.target.value)} data-testid={id}>
      {children}
    </select>
  );
}

/** What the list is narrowed to; each filter is in the address. */
export function FilterBar({ filter, known, onFilterChanged }: Props) {
  const change = (part: Partial<TraceFilter>): void => onFilterChanged({ ...filter, ...part });
  return (
    <div className="stack filter-bar" role="search" aria-label="Filter traces">
      <div className="row">
        <Applied key={`q ${filter.q}`} id="filter-q" wide label="Text, or field:value, duration:&gt;2s, -status:error" value={filter.q} onApplied={(q) => change({ q })} />
        <Choice id="filter-status" label="Status" value={filter.status} onChosen={(status) => change({ status })}>
          <option value="">Any status</option>
          <option value="ok">OK</option>
          <option value="error">Error</option>
        </Choice>
        <Choice id="filter-error" label="Error class" value={filter.error_class} onChosen={(error_class) => change({ error_class })}>
          <option value="">Any error class</option>
          {ERROR_CLASSES.map((each) => <option key={each} value={each}>{each.replaceAll("_", " ")}</option>)}
        </Choice>
        <Applied key={`m ${filter.model}`} id="filter-model" label="Model" value={filter.model} list={known.models} onApplied={(model) => change({ model })} />
        <Applied key={`e ${filter.endpoint}`} id="filter-endpoint" label="Endpoint" value={filter.endpoint} list={known.endpoints} onApplied={(endpoint) => change({ endpoint })} />
        <Applied key={`r ${filter.replica}`} id="filter-replica" label="Replica" value={filter.replica} onApplied={(replica) => change({ replica })} />
      </div>
      {setFilters(filter).length > 0 && (
        <div className="row" data-testid="chips">
          {setFilters(filter).map(({ key, name, value }) => (
            <button key={key} type="button" className="button tiny" onClick={() => change({ [key]: "" })}>
              <span className="hidden-text">Remove filter </span>{name}: {value} <span aria-hidden="true">✕</span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
