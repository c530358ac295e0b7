import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { onlyStrings, type Search } from "./search";

/** One thing that the address bar remembers: which names it uses, and how it is read and written. */
export type UrlParam<T> = {
  readonly names: readonly string[];
  /** `undefined` where the address does not say it, or says it in a way that cannot be read. */
  read: (search: Search) => T | undefined;
  print: (value: T) => Search;
  readonly fallback: T;
};

/** `push` for what Back should undo, `replace` for what it should not (legend toggles, typing). */
export type History = "push" | "replace";

export function textParam(name: string): UrlParam<string> {
  return { names: [name], read: (search) => search[name], print: (value) => ({ [name]: value }), fallback: "" };
}

export function choiceParam<T extends string>(name: string, choices: readonly T[], fallback: T): UrlParam<T> {
  return {
    names: [name],
    read: (search) => choices.find((choice) => choice === search[name]),
    print: (value) => ({ [name]: value === fallback ? undefined : value }),
    fallback,
  };
}

export function listParam(name: string): UrlParam<readonly string[]> {
  return {
    names: [name],
    read: (search) => search[name]?.split(",").filter((part) => part !== ""),
    print: (value) => ({ [name]: value.length === 0 ? undefined : value.join(",") }),
    fallback: [],
  };
}

/** The names whose values the address has but nobody can read; shown in one line, never a crash. */
export function badNames(search: Search, params: readonly Pick<UrlParam<unknown>, "names" | "read">[]): string[] {
  return params
    .filter((param) => param.names.some((name) => search[name] !== undefined) && param.read(search) === undefined)
    .flatMap((param) => param.names.filter((name) => search[name] !== undefined));
}

export function useSearchText(): Search {
  return useSearch({ strict: false, select: (search) => onlyStrings(search), structuralSharing: true });
}

/** The value that the address holds, and a way to change it there. */
export function useUrlParam<T>(param: UrlParam<T>): [T, (value: T, history?: History) => void] {
  const search = useSearchText();
  const navigate = useNavigate();
  const spelled = param.names.map((name) => search[name] ?? "").join("\u0000");
  // The spelling, not the search object, decides when the value is a new one.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const value = useMemo(() => param.read(search) ?? param.fallback, [param, spelled]);
  const set = useCallback(
    (next: T, history: History = "push") => {
      void navigate({
        to: ".",
        search: (old: Search) => ({ ...old, ...param.print(next) }),
        replace: history === "replace",
      });
    },
    [navigate, param],
  );
  return [value, set];
}
