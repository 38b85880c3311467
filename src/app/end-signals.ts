import { constants } from "node:os";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** The terminal sends Ctrl-C's SIGINT to npm and to this process, and npm forwards its own a moment later. */
const SAME_PRESS_MS = 50;

/**
 * Calls `end` on the first SIGTERM or SIGINT. The second one ends the process at once, with the exit code 128 plus the
 * signal's number.
 *
 * @returns the function that removes the handlers
 */
export function onEndSignal(end: () => void): () => void {
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  function handle(signal: (typeof SIGNALS)[number]): void {
    if (first === undefined) {
      first = { signal, at: performance.now() };
      end();
      return;
    }
    const isSamePress =
      signal === "SIGINT" && first.signal === "SIGINT" && performance.now() - first.at < SAME_PRESS_MS;
    if (!isSamePress) process.exit(128 + constants.signals[signal]);
  }
  for (const signal of SIGNALS) process.on(signal, handle);
  return () => {
    for (const signal of SIGNALS) process.off(signal, handle);
  };
}
