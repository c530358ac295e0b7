import { useState } from "react";
import { Icon } from "./Icon";

/** Copies, ticks for two seconds, and says so to a screen reader. */
export function CopyButton({ text, what, label }: { text: string; what: string; label?: string }) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  const copy = (): void => {
    void copyText(text).then((done) => {
      setState(done ? "copied" : "refused");
      setTimeout(() => setState("idle"), 2000);
    });
  };
  return (
    <button className={`button tiny above ${label === undefined ? "icon quiet" : ""}`} onClick={copy} title={`Copy ${what}`} type="button">
      <Icon name={state === "copied" ? "check" : "copy"} />
      {label ?? <span className="hidden-text">Copy {what}</span>}
      <span className="hidden-text" aria-live="polite">
        {state === "copied" && "Copied"}
        {state === "refused" && "The browser refused to copy"}
      </span>
    </button>
  );
}

/** The clipboard API exists only on secure pages; a selection works on plain http too. */
async function copyText(text: string): Promise<boolean> {
  if (isSecureContext) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on a page without https
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
