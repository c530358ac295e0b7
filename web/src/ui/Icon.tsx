/** Line icons on a 16 px grid, drawn with the colour of the text. */
const PATHS = {
  endpoints: "M2.5 3.5h11v3.5h-11zM2.5 9h11v3.5h-11zM5 5.25h.01M5 10.75h.01",
  models: "M8 1.8 13.6 5v6L8 14.2 2.4 11V5zM2.4 5 8 8.2 13.6 5M8 8.2v6",
  traces: "M2 3.5h8M4.5 8h7M8 12.5h6",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  check: "m3 8.5 3.2 3.2L13 4.8",
  left: "M10 3 5 8l5 5",
  right: "m6 3 5 5-5 5",
  down: "m3.5 6 4.5 4.5L12.5 6",
  zoomOut: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14M5 7h4",
  refresh: "M13.2 8A5.2 5.2 0 1 1 11.6 4.2M12 1.8v2.8H9.2",
  table: "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.7h11M6.5 3v10",
  chart: "M2.5 2.5v11h11M5.5 11V8M8.5 11V4.5M11.5 11V6.5",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M12.8 3.2l-1.1 1.1M4.3 11.7l-1.1 1.1",
  moon: "M13 9.8A5.6 5.6 0 0 1 6.2 3 5.6 5.6 0 1 0 13 9.8z",
  system: "M2 3h12v8H2zM6 13.5h4M8 11v2.5",
  help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.2 6.3c.2-2.4 3.8-2.2 3.6.1-.1 1.3-1.8 1.5-1.8 2.9M8 11.6h.01",
  out: "M6 2.5H2.5v11H6M10.5 4.5 14 8l-3.5 3.5M14 8H6",
  rail: "M2.5 3h11v10h-11zM6 3v10",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
