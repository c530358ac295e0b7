import { type TraceFilter, useEndpoints, useModels } from "../api";
import { FilterBar, List } from "../features/traces";
import { endpointParam, errorClassParam, modelParam, replicaParam, type Search, serviceParam, statusParam, textFilterParam, type UrlParam, useUrlParam, withinParam } from "../url";
import { ControlBar } from "./ControlBar";
import { useOrg } from "./params";
import { useLive, useView } from "./useView";

const FILTERS = { model: modelParam, error_class: errorClassParam, endpoint: endpointParam, replica: replicaParam, service: serviceParam, q: textFilterParam, within: withinParam } as const;

/** All filters of the list as one value, so that one change is one history entry. */
const filterParam: UrlParam<TraceFilter> = {
  names: [...Object.values(FILTERS), statusParam].flatMap((param) => param.names),
  read: (search) => {
    const status = statusParam.read(search) ?? "any";
    const texts = Object.entries(FILTERS).map(([key, param]) => [key, param.read(search) ?? ""]);
    return { ...(Object.fromEntries(texts) as Omit<TraceFilter, "status">), status: status === "any" ? "" : status };
  },
  print: ({ status, ...texts }): Search => ({
    status: status === "" ? undefined : status,
    ...Object.fromEntries(Object.entries(FILTERS).flatMap(([key, param]) => Object.entries(param.print(texts[key as keyof typeof texts])))),
  }),
  fallback: { model: "", status: "", error_class: "", endpoint: "", replica: "", service: "", q: "", within: "" },
};

export function TracesPage() {
  const org = useOrg();
  const view = useView();
  const live = useLive(view.range, view.period, false);
  const [filter, setFilter] = useUrlParam(filterParam);
  const still = { range: live.range, period: 0 };
  const models = useModels(org, still).data?.data.flatMap((row) => row.model_requested ?? []) ?? [];
  const endpoints = useEndpoints(org, still).data?.data.map((each) => each.name) ?? [];
  return (
    <>
      <header className="page-header"><h1>Traces</h1></header>
      <ControlBar view={view} />
      <FilterBar filter={filter} known={{ models, endpoints }} onFilterChanged={setFilter} />
      <List org={org} live={live} zone={view.zone} filter={filter} onFilterChanged={setFilter} />
    </>
  );
}
