import "./analytics.css";

export { Header } from "./Header";
export { ReplicaPicker } from "./ReplicaPicker";
export { SeriesTabs } from "./SeriesTabs";
export { TimelineTab } from "./TimelineTab";
