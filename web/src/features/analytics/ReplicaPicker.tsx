import type { Replica } from "../../api";
import { Icon, Popover, THIN } from "../../ui";

type Props = {
  replicas: readonly Replica[];
  /** None is all. */
  selected: readonly string[];
  onSelected: (replicas: readonly string[]) => void;
};

function toggled(selected: readonly string[], id: string): string[] {
  return selected.includes(id) ? selected.filter((each) => each !== id) : [...selected, id];
}

function Group({ title, replicas, selected, onSelected }: Props & { title: string }) {
  if (replicas.length === 0) return null;
  return (
    <fieldset className="replica-group">
      <legend className="muted small">{title}</legend>
      {replicas.map((replica) => (
        <label key={replica.replica_id} className="row">
          <input type="checkbox" checked={selected.includes(replica.replica_id)} onChange={() => onSelected(toggled(selected, replica.replica_id))} data-testid={`replica-${replica.replica_id}`} />
          <code>{replica.replica_id}</code>
          <span className="muted small">{replica.status}{replica.pending === null ? "" : `, ${replica.pending}${THIN}pending`}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** All replicas, or some: the choice holds for every tab. */
export function ReplicaPicker({ replicas, selected, onSelected }: Props) {
  const running = replicas.filter((replica) => replica.status === "running");
  const others = replicas.filter((replica) => replica.status !== "running");
  const known = new Set(replicas.map((replica) => replica.replica_id));
  const gone: Replica[] = selected.filter((id) => !known.has(id)).map((id) => ({ replica_id: id, status: "not here now", since_us: null, message: null, url: null, engine: null, pid: null, pending: null }));
  const label = selected.length === 0 ? "All" : selected.length === 1 ? (selected[0] ?? "") : `${selected.length} chosen`;
  const trigger = (
    <button type="button" className="button" data-testid="replica-picker">
      Replica: {label} <Icon name="down" />
    </button>
  );
  return (
    <Popover trigger={trigger} label="Replicas">
      <div className="stack replica-popover">
        <button type="button" className="button tiny" aria-pressed={selected.length === 0} onClick={() => onSelected([])} data-testid="replica-all">All replicas</button>
        <Group title="running now" replicas={running} selected={selected} onSelected={onSelected} />
        <Group title="not running" replicas={[...others, ...gone]} selected={selected} onSelected={onSelected} />
      </div>
    </Popover>
  );
}
