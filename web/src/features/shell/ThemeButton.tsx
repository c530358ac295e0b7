import { chooseTheme, Icon, type IconName, type Theme, useTheme } from "../../ui";

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const ICONS: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };

/** System, light, dark, and round again. */
export function ThemeButton() {
  const theme = useTheme();
  return (
    <button type="button" className="button quiet icon" onClick={() => chooseTheme(NEXT[theme])} title={`Colours: ${theme}`} data-testid="theme" data-theme-choice={theme}>
      <Icon name={ICONS[theme]} />
      <span className="hidden-text">Colours: {theme}</span>
    </button>
  );
}
