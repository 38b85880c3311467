import { constants } from "node:os";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** npm passes Ctrl-C on to a program that the terminal has already told: the same press, a moment later. */
const SAME_PRESS_MS = 50;

/**
 * Calls `end` on the first SIGTERM or SIGINT, and ends the process at once on the second, with 128 and the signal's
 * number as its code.
 *
 * @returns what removes the handlers
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
