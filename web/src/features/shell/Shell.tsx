import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Whoami } from "../../api";
import { Icon, type IconName, useShortcuts } from "../../ui";
import { Keys } from "./Keys";
import { ThemeButton } from "./ThemeButton";

type Props = {
  org: string;
  who: Whoami | undefined;
  children: ReactNode;
  onLogout: () => void;
  onGo: (page: "endpoints" | "models" | "traces") => void;
};

const PAGES: readonly { to: "/o/$org/endpoints" | "/o/$org/models" | "/o/$org/traces"; label: string; icon: IconName }[] = [
  { to: "/o/$org/endpoints", label: "Endpoints", icon: "endpoints" },
  { to: "/o/$org/models", label: "Models", icon: "models" },
  { to: "/o/$org/traces", label: "Traces", icon: "traces" },
];

function Rail({ org, narrow, onToggle }: { org: string; narrow: boolean; onToggle: () => void }) {
  return (
    <nav className="rail" aria-label="Pages">
      {PAGES.map(({ to, label, icon }) => (
        <Link key={to} to={to} params={{ org }} search={(old) => ({ from: old.from, to: old.to, tz: old.tz })} className="rail-link" activeProps={{ "aria-current": "page" }} activeOptions={{ includeSearch: false }} title={label} data-testid={`nav-${label.toLowerCase()}`}>
          <Icon name={icon} /> <span>{label}</span>
        </Link>
      ))}
      <button type="button" className="rail-link rail-toggle" onClick={onToggle} title="Collapse or expand ([)" aria-pressed={narrow}>
        <Icon name="rail" /> <span>Collapse</span>
      </button>
    </nav>
  );
}

function Account({ who, onLogout }: Pick<Props, "who" | "onLogout">) {
  return (
    <div className="row no-wrap">
      <span className="muted small clip account" title={who === undefined ? "" : `version ${who.version}`} data-testid="subject">{who?.subject ?? ""}</span>
      <button type="button" className="button quiet icon" onClick={onLogout} title="Log out" data-testid="logout"><Icon name="out" /><span className="hidden-text">Log out</span></button>
    </div>
  );
}

function OrgPicker({ org, orgs }: { org: string; orgs: readonly string[] }) {
  if (orgs.length < 2) return <strong className="clip">{org}</strong>;
  return (
    <select className="field" aria-label="Organization" value={org} onChange={(event) => location.assign(`/o/${encodeURIComponent(event.target.value)}/endpoints`)}>
      {orgs.map((each) => <option key={each}>{each}</option>)}
    </select>
  );
}

/** The frame of every page: where one is, who one is, and the way to the others. */
export function Shell({ org, who, children, onLogout, onGo }: Props) {
  const [narrow, setNarrow] = useState(() => localStorage.getItem("inferscope.rail") === "narrow");
  const [keysShown, setKeysShown] = useState(false);
  const toggle = (): void => {
    localStorage.setItem("inferscope.rail", narrow ? "wide" : "narrow");
    setNarrow(!narrow);
  };
  useShortcuts({
    "g e": () => onGo("endpoints"),
    "g m": () => onGo("models"),
    "g t": () => onGo("traces"),
    "[": toggle,
    "?": () => setKeysShown(true),
    "/": () => document.querySelector<HTMLElement>('[data-focus="/"]')?.focus(),
  });
  return (
    <div className="shell" data-rail={narrow ? "narrow" : "wide"}>
      <a className="skip button" href="#content">Skip to content</a>
      <header className="top">
        <Link to="/o/$org/endpoints" params={{ org }} search={{}} className="brand"><span className="mark" aria-hidden="true">◧</span> <span>Inferscope</span></Link>
        <OrgPicker org={org} orgs={who?.orgs ?? []} />
        <span className="grow" />
        <button type="button" className="button quiet icon" onClick={() => setKeysShown(true)} title="Keys (?)"><Icon name="help" /><span className="hidden-text">Keys</span></button>
        <ThemeButton />
        <Account who={who} onLogout={onLogout} />
      </header>
      <Rail org={org} narrow={narrow} onToggle={toggle} />
      <main id="content" tabIndex={-1}>{children}</main>
      {keysShown && <Keys onClose={() => setKeysShown(false)} />}
    </div>
  );
}
