import { useMemo } from "react";
import { type Live, type Series, useSeries } from "../../api";
import type { ChartFrame, SelectedRange } from "../../chart";
import { AsOf, ErrorState, Panel, Skeleton, StaleStrip, usePageWidth } from "../../ui";
import { bucketBudget, lengthSeconds, stepFor } from "../../url";
import { Boxes } from "./Boxes";
import { HardwareTab } from "./HardwareTab";
import { bucketsOf } from "./measures";
import { RequestsTab, type View } from "./RequestsTab";
import { TracesLink } from "./TracesLink";

export type SeriesTabsProps = {
  org: string;
  endpoint: string;
  tab: "requests" | "hardware";
  live: Live;
  zone: string;
  replicas: readonly string[];
  hidden: readonly string[];
  view: View;
  onHiddenChanged: (hidden: readonly string[]) => void;
  onRangeSelected: (range: SelectedRange) => void;
  onBack: () => void;
};

function useFrame(props: SeriesTabsProps, series: Series | undefined): ChartFrame | null {
  const { org, endpoint, zone, replicas, hidden, onHiddenChanged, onRangeSelected, onBack } = props;
  const buckets = useMemo(() => (series === undefined ? null : bucketsOf(series)), [series]);
  if (buckets === null) return null;
  const linksFor = (range: SelectedRange) => <TracesLink org={org} endpoint={endpoint} replicas={replicas} range={range} />;
  return { buckets, zone, hidden, onHiddenChanged, onRangeSelected, onBack, linksFor };
}

/** The tabs that are drawn from one answer: all charts share its buckets, range and crosshair. */
export function SeriesTabs(props: SeriesTabsProps) {
  const { org, endpoint, live, replicas, tab, zone, hidden, view } = props;
  const stepS = stepFor(lengthSeconds(live.range), bucketBudget(usePageWidth()));
  const { data, error, refetch, isPlaceholderData, dataUpdatedAt } = useSeries({ org, endpoint, replicas, stepS, ...live });
  const series = data?.data;
  const frame = useFrame(props, series);
  const retry = (): void => void refetch();
  if (series === undefined || frame === null) {
    return error ? (
      <Panel title="Analytics"><ErrorState what="The series" failure={error} onRetry={retry} /></Panel>
    ) : (
      <div className="charts">{[0, 1, 2, 3].map((each) => <Panel key={each} title=" "><Skeleton lines={1} height={220} /></Panel>)}</div>
    );
  }
  return (
    <div className={`stack ${isPlaceholderData ? "refreshing" : ""}`} data-testid="series" data-refreshing={isPlaceholderData}>
      <StaleStrip updatedAt={dataUpdatedAt} period={live.period} failure={error} onRetry={retry} />
      {tab === "requests" ? (
        <>
          <Boxes series={series} org={org} endpoint={endpoint} hidden={hidden} onHiddenChanged={props.onHiddenChanged} />
          <RequestsTab series={series} frame={frame} view={view} />
        </>
      ) : (
        <HardwareTab series={series} frame={frame} />
      )}
      <AsOf updatedAt={dataUpdatedAt} zone={zone} />
    </div>
  );
}
