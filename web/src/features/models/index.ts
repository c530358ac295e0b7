export { List } from "./List";
