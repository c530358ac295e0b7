import "./traces.css";

export { FilterBar } from "./FilterBar";
export { List } from "./List";
