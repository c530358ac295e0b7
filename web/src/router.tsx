import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { ApiError, authorization, forgetAuthorization, whoamiQuery } from "./api";
import { LoginPage } from "./pages/LoginPage";
import { ShellPage } from "./pages/ShellPage";
import { EmptyState, ErrorState } from "./ui";
import { onlyStrings, parseSearch, printSearch } from "./url";

type Context = { client: QueryClient };

const root = createRootRouteWithContext<Context>()({
  validateSearch: onlyStrings,
  component: Outlet,
  notFoundComponent: () => <main><EmptyState title="No such page"><a href="/">To the endpoints</a></EmptyState></main>,
  errorComponent: ({ error, reset }) => <main><ErrorState what="This page" failure={error instanceof Error ? error : { message: "it failed in an unexpected way" }} onRetry={reset} /></main>,
});

/** Who is not logged in goes to the login first, and comes back to where they wanted to be. */
function needLogin(href: string): void {
  if (authorization() === null) throw redirect({ to: "/login", search: { next: href } });
}

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async ({ context }) => {
    needLogin("/");
    const { orgs } = await context.client.query({ ...whoamiQuery, staleTime: "static" });
    throw redirect({ to: "/o/$org/endpoints", params: { org: orgs[0] ?? "default" }, search: {} });
  },
});

const login = createRoute({ getParentRoute: () => root, path: "/login", component: LoginPage });

const org = createRoute({
  getParentRoute: () => root,
  path: "/o/$org",
  beforeLoad: ({ location }) => needLogin(location.href),
  component: ShellPage,
});

const orgHome = createRoute({
  getParentRoute: () => org,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/o/$org/endpoints", params, search: {} });
  },
});

const endpoints = createRoute({ getParentRoute: () => org, path: "/endpoints", component: lazyRouteComponent(() => import("./pages/EndpointsPage"), "EndpointsPage") });

const endpoint = createRoute({
  getParentRoute: () => org,
  path: "/endpoints/$name",
  beforeLoad: ({ params, search, matches }) => {
    if (matches.at(-1)?.routeId === "/o/$org/endpoints/$name") throw redirect({ to: "/o/$org/endpoints/$name/analytics", params, search });
  },
});

const analytics = createRoute({ getParentRoute: () => org, path: "/endpoints/$name/analytics", component: lazyRouteComponent(() => import("./pages/AnalyticsPage"), "AnalyticsPage") });
const models = createRoute({ getParentRoute: () => org, path: "/models", component: lazyRouteComponent(() => import("./pages/ModelsPage"), "ModelsPage") });
const traces = createRoute({ getParentRoute: () => org, path: "/traces", component: lazyRouteComponent(() => import("./pages/TracesPage"), "TracesPage") });
const trace = createRoute({ getParentRoute: () => org, path: "/traces/$trace", component: lazyRouteComponent(() => import("./pages/TracePage"), "TracePage") });

const tree = root.addChildren([home, login, org.addChildren([orgHome, endpoints, endpoint, analytics, models, traces, trace])]);

/** A login that the server no longer takes is forgotten, and asked for again. */
function onFailure(error: Error): void {
  if (!(error instanceof ApiError) || error.status !== 401) return;
  forgetAuthorization();
  if (router.state.location.pathname === "/login") return;
  void router.navigate({ to: "/login", search: { next: router.state.location.href, reason: "expired" } });
}

const client = new QueryClient({
  queryCache: new QueryCache({ onError: onFailure }),
  defaultOptions: {
    queries: {
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      // A refusal stays one; only what did not arrive is worth a second try.
      retry: (failures, error) => failures < 1 && !(error instanceof ApiError && error.status !== null && error.status < 500),
    },
  },
});

export const router = createRouter({
  routeTree: tree,
  context: { client },
  parseSearch,
  stringifySearch: printSearch,
  defaultPendingMs: 150,
  defaultPreload: false,
  Wrap: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
});

declare module "@tanstack/react-router" {
  // Interface merging is how the router learns its own routes.
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions
  interface Register {
    router: typeof router;
  }
}
