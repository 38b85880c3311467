/**
 * Calls with a signal that is aborted as soon as one of some is. `AbortSignal.any` would do, but Node.js 22 keeps something of
 * each that it made for as long as its signals live, and a program's own may see every document there is.
 */
export async function withLinkedSignal<T>(
  signals: readonly (AbortSignal | undefined)[],
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (event: Event) => controller.abort((event.target as AbortSignal).reason);
  for (const signal of signals) {
    if (signal?.aborted) controller.abort(signal.reason);
    else signal?.addEventListener("abort", abort);
  }
  try {
    return await call(controller.signal);
  } finally {
    for (const signal of signals) signal?.removeEventListener("abort", abort);
  }
}
