import { CopyButton } from "./CopyButton";

/** Lines to paste somewhere; `shown` hides a secret on screen that `text` has. */
export function Snippet({ text, shown = text, what }: { text: string; shown?: string; what: string }) {
  return (
    <div className="snippet">
      <pre tabIndex={0} aria-label={what}>
        {shown}
      </pre>
      <CopyButton text={text} what={what} label="Copy" />
    </div>
  );
}
