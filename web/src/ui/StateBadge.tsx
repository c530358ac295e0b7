const LOOKS: Readonly<Record<string, { kind: "ok" | "warn" | "bad" | "plain"; glyph: string }>> = {
  running: { kind: "ok", glyph: "●" },
  initializing: { kind: "warn", glyph: "◔" },
  pending: { kind: "warn", glyph: "◌" },
  failed: { kind: "bad", glyph: "✕" },
  scaledToZero: { kind: "plain", glyph: "◐" },
};

/** A state as icon and word. */
export function StateBadge({ state, word }: { state: string; word: string }) {
  const { kind, glyph } = LOOKS[state] ?? { kind: "plain", glyph: "?" };
  return (
    <span className={`badge ${kind}`} data-testid="state" data-state={state}>
      <span aria-hidden="true">{glyph}</span> {word}
    </span>
  );
}
