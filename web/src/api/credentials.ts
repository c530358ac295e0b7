const KEY = "inferscope.authorization";

/** The value of the Authorization header that this browser keeps after login. */
export function authorization(): string | null {
  return localStorage.getItem(KEY);
}

export function keepAuthorization(value: string): void {
  localStorage.setItem(KEY, value);
}

export function forgetAuthorization(): void {
  localStorage.removeItem(KEY);
}

export function bearer(token: string): string {
  return `Bearer ${token.trim()}`;
}

export function basic(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** The same credentials as a Basic header, which every exporter can send: any user with the token as password. */
export function asBasic(header: string): string {
  return header.startsWith("Bearer ") ? basic("token", header.slice("Bearer ".length)) : header;
}
