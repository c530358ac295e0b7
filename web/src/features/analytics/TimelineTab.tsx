import { type Live, useTimeline } from "../../api";
import type { SelectedRange } from "../../chart";
import { EmptyState, ErrorState, Panel, Skeleton } from "../../ui";
import { Gantt } from "./Gantt";
import { StartupTable } from "./StartupTable";

type Props = {
  org: string;
  endpoint: string;
  live: Live;
  zone: string;
  replicas: readonly string[];
  onReplicasSelected: (replicas: readonly string[]) => void;
  onRangeSelected: (range: SelectedRange) => void;
};

/** When each replica was in which state, and what its start cost. */
export function TimelineTab({ org, endpoint, live, zone, replicas, onReplicasSelected, onRangeSelected }: Props) {
  const { data, error, refetch, isPlaceholderData } = useTimeline(org, endpoint, live);
  if (data === undefined) {
    return (
      <Panel title="Replicas">
        {error ? <ErrorState what="The timeline" failure={error} onRetry={() => void refetch()} /> : <Skeleton lines={6} height={22} />}
      </Panel>
    );
  }
  const shown = data.data.replicas.filter(({ replica_id }) => replicas.length === 0 || replicas.includes(replica_id));
  if (shown.length === 0) {
    return (
      <Panel title="Replicas">
        <EmptyState title="No replica lived in this range">
          <p className="muted">Choose a longer range, or all replicas.</p>
        </EmptyState>
      </Panel>
    );
  }
  return (
    <div className={`stack ${isPlaceholderData ? "refreshing" : ""}`}>
      <Gantt
        timeline={{ ...data.data, replicas: shown }}
        span={data.span}
        zone={zone}
        selected={replicas}
        onReplicaSelected={(replica) => onReplicasSelected(replicas.length === 1 && replicas[0] === replica ? [] : [replica])}
        onRangeSelected={onRangeSelected}
      />
      <StartupTable startup={data.data.startup} />
    </div>
  );
}
