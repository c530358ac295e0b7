import { useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { LoginForm } from "../features/login";
import { useSearchText } from "../url";

/** The token of `#token=…`; taken out of the address bar at once, so that it stays in no history. */
function useTokenOfAddress(): string | null {
  const token = useLocation({ select: ({ hash }) => new URLSearchParams(hash).get("token") });
  const navigate = useNavigate();
  useEffect(() => {
    if (token !== null) void navigate({ to: ".", search: true, hash: "", replace: true });
  }, [token, navigate]);
  return token;
}

/** Only a path of this page's own server: a login link must not lead elsewhere. */
const ownPath = (next: string | undefined): string => (next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/");

export function LoginPage() {
  const token = useTokenOfAddress();
  const { next, reason } = useSearchText();
  const router = useRouter();
  const navigate = useNavigate();
  const onLogin = (): void => {
    void router.invalidate().then(() => navigate({ href: ownPath(next), replace: true }));
  };
  return (
    <main className="login-page">
      <LoginForm token={token} reason={reason === "expired" ? "Your login is no longer accepted; log in again." : null} onLogin={onLogin} />
    </main>
  );
}
