import { useEffect, useRef } from "react";

type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Milliseconds in which the second key of a sequence counts. */
const SEQUENCE = 1000;

/** The key maps of what is on the page; the latest one goes first. */
const maps: { current: Keys }[] = [];
let first: { key: string; at: number } | null = null;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

const actionOf = (keys: string): ((event: KeyboardEvent) => void) | undefined => maps.findLast((map) => map.current[keys])?.current[keys];

/** A finished sequence ("g t") goes before the meaning that its last key has alone. */
function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const isSecond = first !== null && event.timeStamp - first.at < SEQUENCE;
  const action = (isSecond ? actionOf(`${first?.key ?? ""} ${event.key}`) : undefined) ?? actionOf(event.key);
  first = { key: event.key, at: event.timeStamp };
  if (!action) return;
  event.preventDefault();
  action(event);
}

/** Single keys and two-key sequences ("g e"); never while typing, never with ctrl, alt or ⌘. */
export function useShortcuts(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    if (maps.length === 0) addEventListener("keydown", onKey);
    maps.push(latest);
    return () => {
      maps.splice(maps.indexOf(latest), 1);
      if (maps.length === 0) removeEventListener("keydown", onKey);
    };
  }, []);
}
