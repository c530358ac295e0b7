import { Link } from "@tanstack/react-router";
import type { SelectedRange } from "../../chart";
import { printRange } from "../../url";

type Props = { org: string; endpoint: string; replicas: readonly string[]; range: SelectedRange };

/** From a bucket to the calls in it. */
export function TracesLink({ org, endpoint, replicas, range }: Props) {
  const only = replicas.length === 1 ? { replica: replicas[0] } : {};
  const times = printRange({ kind: "fixed", fromMs: range.fromUs / 1000, toMs: range.toUs / 1000 });
  return (
    <Link className="button tiny primary" to="/o/$org/traces" params={{ org }} search={(old) => ({ tz: old.tz, endpoint, within: "ended", ...only, ...times })} data-testid="traces-in-bucket">
      Traces in this bucket
    </Link>
  );
}
