// A separate script that runs before the page is painted, so that a dark page does not flash light. It imports nothing,
// so that the browser need not wait for another file. The key is the same as in theme-choice.ts.

try {
  const theme = localStorage.getItem("rapidai-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is disabled: the system's theme applies.
}
