import { List } from "../features/models";
import { ControlBar } from "./ControlBar";
import { useOrg } from "./params";
import { useLive, useView } from "./useView";

export function ModelsPage() {
  const org = useOrg();
  const view = useView();
  return (
    <>
      <header className="page-header"><h1>Models</h1></header>
      <ControlBar view={view} />
      <List org={org} live={useLive(view.range, view.period, false)} />
    </>
  );
}
