import { choiceParam, listParam, textParam } from "./param";

/** The names of the address bar, each spelled only here. */

/** Which tab of an endpoint's analytics. */
export const tabParam = choiceParam("tab", ["requests", "hardware", "timeline"], "requests");
/** Replicas that the page is narrowed to; none means all. */
export const replicasParam = listParam("replica");
/** Whether a measure is one series or one per replica. */
export const splitParam = choiceParam("split", ["all", "replica"], "all");
/** Whether request bars are by class (2xx) or by code (200). */
export const groupParam = choiceParam("group", ["class", "code"], "class");
/** Series that the reader switched off in a legend. */
export const hideParam = listParam("hide");
/** Charts drawn on a logarithmic scale. */
export const logParam = listParam("log");
/** Free text: a filter of a list. */
export const textFilterParam = textParam("q");
/** State of an endpoint, in the list of endpoints. */
export const stateParam = textParam("state");
/** Column that a table is sorted by; a minus before it is descending. */
export const sortParam = textParam("sort");

export const modelParam = textParam("model");
export const statusParam = choiceParam("status", ["any", "ok", "error"], "any");
export const errorClassParam = textParam("error");
export const endpointParam = textParam("endpoint");
export const replicaParam = textParam("replica");
export const serviceParam = textParam("service");
/** `ended`: the range of a list is about the ends of calls, as in the graphs. */
export const withinParam = textParam("within");

/** Selected span of a trace. */
export const spanParam = textParam("span");
/** Open pane of a trace's selected span. */
export const paneParam = choiceParam("pane", ["chat", "overview", "attributes", "events", "raw"], "chat");
