export { rangeLabel } from "./label";
export { RefreshControl } from "./RefreshControl";
export { TimeControl } from "./TimeControl";
