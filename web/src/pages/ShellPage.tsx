import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { forgetAuthorization, useWhoami } from "../api";
import { Shell } from "../features/shell";
import { useOrg } from "./params";

export function ShellPage() {
  const org = useOrg();
  const navigate = useNavigate();
  const client = useQueryClient();
  const logout = (): void => {
    forgetAuthorization();
    client.clear();
    void navigate({ to: "/login", search: {} });
  };
  return (
    <Shell org={org} who={useWhoami().data} onLogout={logout} onGo={(page) => void navigate({ to: `/o/$org/${page}`, params: { org }, search: (old) => ({ from: old.from, to: old.to, tz: old.tz }) })}>
      <Outlet />
    </Shell>
  );
}
