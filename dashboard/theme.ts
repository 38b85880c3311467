// A script of its own, before the page is painted: one that was made dark does not flash light. It imports nothing, so
// that no browser waits for another file first. The key is theme-choice.ts's.

try {
  const theme = localStorage.getItem("rapidai-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the system decides.
}
