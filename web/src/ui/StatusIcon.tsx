/** OK or error as a shape and a word; the word is for screen readers where the shape stands alone. */
export function StatusIcon({ status, label }: { status: "ok" | "error"; label: string }) {
  return status === "ok" ? (
    <span className="badge ok" title={label}>
      <span aria-hidden="true">✓</span> <span className="hidden-text">{label}</span>
    </span>
  ) : (
    <span className="badge bad" title={label}>
      <span aria-hidden="true">✕</span> {label}
    </span>
  );
}
