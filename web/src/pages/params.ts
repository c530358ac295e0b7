import { useParams } from "@tanstack/react-router";

export const useOrg = (): string => useParams({ from: "/o/$org" }).org;
