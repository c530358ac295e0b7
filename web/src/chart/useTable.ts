import { type RefObject, useEffect, useRef, useState } from "react";

/** Chart or data table; after a switch by key the focus is on what took its place, so that the same key leads back. */
export function useTable(body: RefObject<HTMLElement | null>) {
  const [asTable, setAsTable] = useState(false);
  const byKey = useRef(false);
  useEffect(() => {
    if (!byKey.current) return;
    byKey.current = false;
    body.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  }, [asTable, body]);
  const toggle = (): void => setAsTable(!asTable);
  const toggleByKey = (): void => {
    byKey.current = true;
    toggle();
  };
  return { asTable, toggle, toggleByKey };
}
