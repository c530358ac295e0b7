/** "30 s", "5 m", "1 h". */
export function lengthText(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} m` : `${seconds} s`;
}

const STATES: Readonly<Record<string, string>> = {
  running: "Running",
  initializing: "Initializing",
  failed: "Failed",
  pending: "Pending",
  scaledToZero: "Scaled to zero",
};

export const stateWord = (state: string): string => STATES[state] ?? state;
