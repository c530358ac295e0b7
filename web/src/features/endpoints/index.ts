import "./endpoints.css";

export { List } from "./List";
