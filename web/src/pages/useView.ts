import { useQueryClient } from "@tanstack/react-query";
import { rangeParam, type Range, refreshParam, badNames, useRefresh, useSearchText, useUrlParam, useZoom, zoneParam } from "../url";
import { useTabVisible } from "../ui";

/** One range, one zone, one rhythm for everything on a page. */
export function useView() {
  const [range] = useUrlParam(rangeParam);
  const [zone, setZone] = useUrlParam(zoneParam);
  const [period, setPeriod] = useRefresh(range);
  const { zoom, unzoom } = useZoom();
  const client = useQueryClient();
  return {
    range,
    zone,
    period,
    zoom: (next: Range) => zoom(next),
    unzoom,
    setZone,
    setPeriod: (seconds: number) => setPeriod(seconds, "replace"),
    refresh: () => void client.invalidateQueries({ refetchType: "active" }),
    bad: badNames(useSearchText(), [rangeParam, zoneParam, refreshParam]),
  };
}

/** The rhythm that is kept now: none while the tab is hidden or the reader holds something. */
export function useLive(range: Range, period: number, held: boolean) {
  const visible = useTabVisible();
  return { range, period: held || !visible ? 0 : period };
}
