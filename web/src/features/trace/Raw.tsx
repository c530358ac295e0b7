import type { SpanRow } from "../../api";
import { printExact } from "../../api";
import { bytes, CopyButton } from "../../ui";
import { text as textOf } from "./facts";

/** The stored row, digit for digit. */
export function Raw({ row }: { row: SpanRow }) {
  const text = printExact({ ...row });
  const size = new TextEncoder().encode(text).length;
  const download = (): void => {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `span-${textOf(row, "span_id") ?? "without-id"}.json`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div className="stack" data-testid="raw">
      <div className="row">
        <span className="muted small grow">{bytes(size)}</span>
        <CopyButton text={text} what="JSON" label="Copy" />
        <button type="button" className="button tiny" onClick={download}>Download</button>
      </div>
      <pre className="raw" tabIndex={0} aria-label="Stored JSON">{text}</pre>
    </div>
  );
}
