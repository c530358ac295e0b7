import { authorization } from "./credentials";

/** A request that did not give what was asked: why, and how to name it to whoever runs the server. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; null where no answer came. */
    readonly status: number | null,
    readonly code: string,
    message: string,
    readonly requestId: string | null,
  ) {
    super(message);
  }
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

export function buildUrl(path: readonly string[], query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return `/scope/v1/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

function failureOf(status: number, header: string | null, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string; request_id?: string } };
    return new ApiError(status, error?.code ?? "unknown", error?.message ?? `HTTP ${status}`, error?.request_id ?? header);
  } catch {
    return new ApiError(status, "unknown", `the server answered HTTP ${status} without saying why`, header);
  }
}

/** The body of a 200 answer as text; everything else is an {@link ApiError}. */
export async function fetchText(url: string, signal?: AbortSignal, header = authorization()): Promise<string> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (header !== null) headers.authorization = header;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers, ...(signal ? { signal } : {}) });
    text = await response.text();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(null, "unreachable", "the server cannot be reached", null);
  }
  if (!response.ok) throw failureOf(response.status, response.headers.get("x-request-id"), text);
  return text;
}

export async function fetchJson(url: string, signal?: AbortSignal): Promise<unknown> {
  const text = await fetchText(url, signal);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError(200, "not_json", "the answer is not JSON; is something between this page and the server?", null);
  }
}
