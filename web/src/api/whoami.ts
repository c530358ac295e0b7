import { queryOptions, useQuery } from "@tanstack/react-query";
import { buildUrl, fetchJson, fetchText } from "./client";

export type Whoami = { subject: string; orgs: readonly string[]; version: string };

export const whoamiQuery = queryOptions({
  queryKey: ["whoami"],
  queryFn: async ({ signal }) => (await fetchJson(buildUrl(["whoami"]), signal)) as Whoami,
  staleTime: Infinity,
});

export const useWhoami = () => useQuery(whoamiQuery);

/** Asks who the bearer of `header` is, without keeping it: the login check. */
export async function whoIs(header: string): Promise<Whoami> {
  return JSON.parse(await fetchText(buildUrl(["whoami"]), undefined, header)) as Whoami;
}
