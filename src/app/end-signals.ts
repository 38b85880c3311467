import { constants } from "node:os";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
type EndSignal = (typeof SIGNALS)[number];

/**
 * The same signal may arrive twice at a time: a terminal or a supervisor sends it to npm and to this process, and npm forwards its
 * own a moment later; `timeout` sends it to this process and then to its group.
 */
const SAME_MS = 50;

/**
 * Calls `end` on the first SIGTERM or SIGINT. The second one ends the process at once, with the exit code 128 plus the
 * signal's number.
 *
 * @returns the function that removes the handlers
 */
export function onEndSignal(end: (signal: EndSignal) => void): () => void {
  let first: { readonly signal: EndSignal; readonly at: number } | undefined;
  function handle(signal: EndSignal): void {
    if (first === undefined) {
      first = { signal, at: performance.now() };
      end(signal);
      return;
    }
    const isSame = signal === first.signal && performance.now() - first.at < SAME_MS;
    if (!isSame) process.exit(128 + constants.signals[signal]);
  }
  for (const signal of SIGNALS) process.on(signal, handle);
  return () => {
    for (const signal of SIGNALS) process.off(signal, handle);
  };
}
