import { useParams } from "@tanstack/react-router";
import { TraceView } from "../features/trace";
import { paneParam, spanParam, useUrlParam, zoneParam } from "../url";

export function TracePage() {
  const { org, trace } = useParams({ from: "/o/$org/traces/$trace" });
  const [zone] = useUrlParam(zoneParam);
  const [span, setSpan] = useUrlParam(spanParam);
  const [pane, setPane] = useUrlParam(paneParam);
  return <TraceView org={org} traceId={trace} zone={zone} span={span} pane={pane} onSpanSelected={(next) => setSpan(next, "replace")} onPaneSelected={setPane} />;
}
