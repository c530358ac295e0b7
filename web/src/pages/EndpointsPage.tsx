import { List } from "../features/endpoints";
import { sortParam, stateParam, textFilterParam, useUrlParam } from "../url";
import { ControlBar } from "./ControlBar";
import { useOrg } from "./params";
import { useLive, useView } from "./useView";

export function EndpointsPage() {
  const org = useOrg();
  const view = useView();
  const live = useLive(view.range, view.period, false);
  const [text, setText] = useUrlParam(textFilterParam);
  const [state, setState] = useUrlParam(stateParam);
  const [sort, setSort] = useUrlParam(sortParam);
  return (
    <>
      <header className="page-header"><h1>Endpoints</h1></header>
      <ControlBar view={view} />
      <List org={org} live={live} zone={view.zone} text={text} state={state} sort={sort} onTextChanged={(next) => setText(next, "replace")} onStateChanged={setState} onSortChanged={setSort} />
    </>
  );
}
