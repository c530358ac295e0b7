import "./trace.css";

export { TraceView } from "./TraceView";
