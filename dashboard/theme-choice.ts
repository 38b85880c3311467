import { useTold } from "./told.ts";

export type Theme = "light" | "dark";

/** theme.ts reads it before the page is painted. */
const KEY = "rapidai-theme";
const DARK = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

DARK.addEventListener("change", tell);

/** The theme that is shown: the one chosen in this browser, or the system's. */
function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return DARK.matches ? "dark" : "light";
}

/** Chooses the other theme, and keeps the choice for next time. The system's own is no choice to keep. */
export function toggleTheme(): void {
  const theme = currentTheme() === "dark" ? "light" : "dark";
  const isSystems = theme === (DARK.matches ? "dark" : "light");
  if (isSystems) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (isSystems) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is off: it holds until the page is left.
  }
  tell();
}

export const useTheme = (): Theme => useTold(listeners, currentTheme);

function tell(): void {
  for (const listener of listeners) listener();
}
