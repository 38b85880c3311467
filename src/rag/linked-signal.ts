/**
 * Calls a function with a signal that is aborted as soon as any of `signals` is. `AbortSignal.any` is not used because
 * in Node.js 22 each signal it makes leaves something behind for as long as its sources live, and one source may serve
 * many documents.
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
