import { useExternalValue } from "./external-value.ts";

export type Theme = "light" | "dark";

/** The key in local storage, which theme.ts reads too, before the page is painted. */
const KEY = "rapidai-theme";
const DARK = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

DARK.addEventListener("change", notify);

/** The current theme: the one chosen in this browser, or else the system's. */
function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return DARK.matches ? "dark" : "light";
}

/** Switches to the other theme, and remembers it, unless it is the system's own. */
export function toggleTheme(): void {
  const theme = currentTheme() === "dark" ? "light" : "dark";
  const isSystems = theme === (DARK.matches ? "dark" : "light");
  if (isSystems) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (isSystems) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is disabled: the choice lasts until the page is closed.
  }
  notify();
}

export const useTheme = (): Theme => useExternalValue(listeners, currentTheme);

function notify(): void {
  for (const listener of listeners) listener();
}
