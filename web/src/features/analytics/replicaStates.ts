/** How each state of a replica is drawn and spelled: colour, pattern and letter. */
export type ReplicaLook = { word: string; letter: string; className: string };

const LOOKS: Readonly<Record<string, ReplicaLook>> = {
  pending: { word: "pending (no machine yet)", letter: "P", className: "r-pending" },
  pulling: { word: "pulling image", letter: "I", className: "r-pulling" },
  downloading: { word: "downloading weights", letter: "W", className: "r-downloading" },
  initializing: { word: "initializing (load, warm-up)", letter: "L", className: "r-initializing" },
  running: { word: "running", letter: "R", className: "r-running" },
  draining: { word: "draining", letter: "D", className: "r-draining" },
  failed: { word: "failed", letter: "F", className: "r-failed" },
  terminated: { word: "stopped", letter: "", className: "r-terminated" },
};

export const STATES_SHOWN = Object.keys(LOOKS);

export function lookOf(status: string): ReplicaLook {
  return LOOKS[status] ?? { word: status, letter: "?", className: "r-terminated" };
}

/** The part of a segment inside the window, as percentages of it; null where none is. */
export function placed(segment: { from_us: number; to_us: number | null }, fromUs: number, toUs: number): { left: number; width: number } | null {
  const start = Math.max(segment.from_us, fromUs);
  const end = Math.min(segment.to_us ?? toUs, toUs);
  if (end <= start) return null;
  return { left: ((start - fromUs) / (toUs - fromUs)) * 100, width: ((end - start) / (toUs - fromUs)) * 100 };
}
