import { useCallback } from "react";

const KEYS: readonly (readonly [string, string])[] = [
  ["g e, g m, g t", "go to Endpoints, Models, Traces"],
  ["/", "focus the filter"],
  ["t", "open the time control"],
  [", .", "shift the window earlier, later"],
  ["z", "zoom out twofold"],
  ["r, Shift r", "refresh, auto refresh on and off"],
  ["j k", "next, previous row"],
  ["[", "collapse the rail"],
  ["← → Home End", "in a chart: move the crosshair"],
  ["Shift ← →, Enter", "in a chart: select, zoom to the selection"],
  ["↑ ↓", "in a chart: previous, next series"],
  ["p, d", "in a chart: pin the tooltip, show the data table"],
  ["↑ ↓ ← →, e", "in a waterfall: span, collapse and expand, next error"],
  ["Esc", "close the innermost thing"],
  ["?", "this list"],
];

export function Keys({ onClose }: { onClose: () => void }) {
  const open = useCallback((dialog: HTMLDialogElement | null) => {
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog ref={open} onClose={onClose} aria-label="Keys">
      <div className="row"><h2 className="grow">Keys</h2><form method="dialog"><button className="button tiny">Close</button></form></div>
      <table>
        <tbody>
          {KEYS.map(([keys, does]) => <tr key={keys}><td className="nowrap"><kbd>{keys}</kbd></td><td>{does}</td></tr>)}
        </tbody>
      </table>
    </dialog>
  );
}
