/** Colours of tokens.css as a canvas needs them: resolved for the theme on screen, and mixed. */
let probe: HTMLElement | null = null;
const resolved = new Map<string, Rgb>();
let resolvedFor = "";

type Rgb = readonly [number, number, number];

function probeColor(name: string): Rgb {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${name})`;
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  return [Number(parts[0] ?? 0), Number(parts[1] ?? 0), Number(parts[2] ?? 0)];
}

function rgb(name: string, theme: string): Rgb {
  if (theme !== resolvedFor) {
    resolved.clear();
    resolvedFor = theme;
  }
  const known = resolved.get(name);
  if (known) return known;
  const made = probeColor(name);
  resolved.set(name, made);
  return made;
}

/** A colour of tokens.css; `shade` mixes it towards the surface. */
export function ink(name: string, theme: string, shade = 0): string {
  const color = rgb(name, theme);
  const surface = shade === 0 ? color : rgb("--surface", theme);
  const mixed = color.map((part, index) => Math.round(part * (1 - shade) + (surface[index] ?? part) * shade));
  return `rgb(${mixed.join(" ")})`;
}
