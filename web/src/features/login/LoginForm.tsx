import { type SyntheticEvent, useEffect, useRef, useState } from "react";
import { ApiError, basic, bearer, keepAuthorization, whoIs } from "../../api";

type Way = "token" | "password";

type Props = {
  /** A token that came in the address: tried at once. */
  token: string | null;
  /** Why the reader is here again, if there is a reason. */
  reason: string | null;
  onLogin: () => void;
};

function problemOf(error: unknown, way: Way): string {
  if (!(error instanceof ApiError)) return "Something unexpected happened in this page; reload it.";
  if (error.status === 401 || error.status === 403) return way === "token" ? "This token is not accepted. Check that it is whole and not revoked." : "This e-mail and password are not accepted.";
  return `${error.message}${error.requestId === null ? "" : ` (request id ${error.requestId})`}`;
}

/** Tries credentials, keeps the good ones. */
function useLogin(onLogin: () => void) {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const login = async (header: string, way: Way): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await whoIs(header);
      keepAuthorization(header);
      onLogin();
    } catch (error) {
      setProblem(problemOf(error, way));
      setBusy(false);
    }
  };
  return { problem, busy, login };
}

function TokenField() {
  return (
    <label className="labelled">
      Token
      <input className="field mono" name="token" type="password" autoComplete="current-password" placeholder="isk_…" required data-testid="login-token" />
    </label>
  );
}

function PasswordFields() {
  return (
    <>
      <label className="labelled">
        E-mail
        <input className="field" name="email" type="email" autoComplete="username" required data-testid="login-email" />
      </label>
      <label className="labelled">
        Password
        <input className="field" name="password" type="password" autoComplete="current-password" required data-testid="login-password" />
      </label>
    </>
  );
}

export function LoginForm({ token, reason, onLogin }: Props) {
  const [way, setWay] = useState<Way>("token");
  const { problem, busy, login } = useLogin(onLogin);
  const tried = useRef<string | null>(null);
  useEffect(() => {
    if (token === null || tried.current === token) return;
    tried.current = token;
    void login(bearer(token), "token");
  }, [token, login]);
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    void login(way === "token" ? bearer(field("token")) : basic(field("email"), field("password")), way);
  };
  return (
    <form className="panel login" onSubmit={submit} data-testid="login">
      <div className="row"><span className="mark" aria-hidden="true">◧</span><h1>Inferscope</h1></div>
      {reason !== null && <p className="strip warn" role="status">{reason}</p>}
      <div className="joined" role="group" aria-label="Way to log in">
        <button type="button" className="button" aria-pressed={way === "token"} onClick={() => setWay("token")} data-testid="login-by-token">Token</button>
        <button type="button" className="button" aria-pressed={way === "password"} onClick={() => setWay("password")} data-testid="login-by-password">E-mail and password</button>
      </div>
      {way === "token" ? <TokenField /> : <PasswordFields />}
      {problem !== null && <p className="strip bad" role="alert" data-testid="login-problem">{problem}</p>}
      <button className="button primary" disabled={busy} data-testid="login-submit">{busy ? "Checking…" : "Log in"}</button>
      <p className="muted small">The first start of the server printed a login. It stays in this browser until you log out.</p>
    </form>
  );
}
