import type { EndpointState } from "../../api";

export const WORDS: Readonly<Record<EndpointState, string>> = {
  running: "Running",
  initializing: "Initializing",
  failed: "Failed",
  pending: "Pending",
  scaledToZero: "Scaled to zero",
};

export const STATES = Object.keys(WORDS) as readonly EndpointState[];
