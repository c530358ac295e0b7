import { Link, useParams } from "@tanstack/react-router";
import { useEndpoint } from "../api";
import { CrosshairGroup, type SelectedRange, useOwnCrosshair, usePinned } from "../chart";
import { Header, ReplicaPicker, SeriesTabs, TimelineTab } from "../features/analytics";
import { EmptyState } from "../ui";
import { fixed, groupParam, hideParam, logParam, replicasParam, splitParam, tabParam, useUrlParam } from "../url";
import { ControlBar } from "./ControlBar";
import { useLive, useView } from "./useView";

const TABS = [["requests", "Requests"], ["hardware", "Hardware"], ["timeline", "Timeline"]] as const;

function Tabs({ tab }: { tab: string }) {
  return (
    <div className="tabs" role="tablist" aria-label="Analytics">
      {TABS.map(([name, label]) => (
        <Link key={name} to="." role="tab" aria-selected={tab === name} search={(old) => ({ ...old, tab: name === "requests" ? undefined : name })} data-testid={`tab-${name}`}>{label}</Link>
      ))}
    </div>
  );
}

function Split({ split, onSplitSelected }: { split: "all" | "replica"; onSplitSelected: (split: "all" | "replica") => void }) {
  return (
    <div className="joined" role="group" aria-label="Split">
      <button type="button" className="button" aria-pressed={split === "all"} onClick={() => onSplitSelected("all")} data-testid="split-all">Merged</button>
      <button type="button" className="button" aria-pressed={split === "replica"} onClick={() => onSplitSelected("replica")} data-testid="split-replica">Per replica</button>
    </div>
  );
}

/** One endpoint over time: requests, hardware, and the life of its replicas. */
export function AnalyticsPage() {
  const { org, name } = useParams({ from: "/o/$org/endpoints/$name/analytics" });
  const view = useView();
  const crosshair = useOwnCrosshair();
  const held = usePinned(crosshair);
  const live = useLive(view.range, view.period, held);
  const [tab] = useUrlParam(tabParam);
  const [replicas, setReplicas] = useUrlParam(replicasParam);
  const [split, setSplit] = useUrlParam(splitParam);
  const [group, setGroup] = useUrlParam(groupParam);
  const [hidden, setHidden] = useUrlParam(hideParam);
  const [log, setLog] = useUrlParam(logParam);
  const endpoint = useEndpoint(org, name, live);
  const select = ({ fromUs, toUs }: SelectedRange): void => view.zoom(fixed(fromUs / 1000, toUs / 1000));
  const shared = { org, endpoint: name, live, zone: view.zone, replicas, onRangeSelected: select };
  if (endpoint.error && "status" in endpoint.error && endpoint.error.status === 404) {
    return <EmptyState title={`No endpoint named ${name}`}><Link to="/o/$org/endpoints" params={{ org }} search={{}}>All endpoints</Link></EmptyState>;
  }
  return (
    <CrosshairGroup crosshair={crosshair}>
      <Header endpoint={endpoint.data?.data} name={name} />
      <ControlBar view={view} held={held}>
        <ReplicaPicker replicas={endpoint.data?.data.replica_list ?? []} selected={replicas} onSelected={setReplicas} />
        <Tabs tab={tab} />
        {tab === "requests" && <Split split={split} onSplitSelected={setSplit} />}
      </ControlBar>
      {tab === "timeline" ? (
        <TimelineTab {...shared} onReplicasSelected={setReplicas} />
      ) : (
        <SeriesTabs {...shared} tab={tab} hidden={hidden} view={{ split, group, log, onGroupSelected: setGroup, onLogChanged: setLog }} onHiddenChanged={(next) => setHidden(next, "replace")} onBack={view.unzoom} />
      )}
    </CrosshairGroup>
  );
}
