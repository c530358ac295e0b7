import type { ReactNode } from "react";
import { RefreshControl, TimeControl } from "../features/range";
import type { useView } from "./useView";

type Props = { view: ReturnType<typeof useView>; held?: boolean; children?: ReactNode };

/** Range, zone and rhythm of a page, beside what the page itself adds. */
export function ControlBar({ view, held = false, children }: Props) {
  return (
    <>
      <div className="control-bar no-print" role="toolbar" aria-label="View">
        {children}
        <TimeControl range={view.range} zone={view.zone} onRangeSelected={view.zoom} onZoneSelected={view.setZone} />
        <RefreshControl range={view.range} period={view.period} held={held} onPeriodSelected={view.setPeriod} onRefresh={view.refresh} />
      </div>
      {view.bad.length > 0 && <p className="strip warn" role="status" data-testid="bad-parameters">Not understood in the address, so left out: {view.bad.join(", ")}</p>}
    </>
  );
}
