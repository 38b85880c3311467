/** Calls user code, such as a listener, an observer or a logger, and reports what it throws or rejects with. */
export function guarded<T>(call: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    const answer = call();
    if (isThenable(answer)) Promise.resolve(answer).catch(onError);
    return answer;
  } catch (error) {
    onError(error);
    return undefined;
  }
}

/** Whether it can be awaited: within a test runner's realm, the promises of Node.js itself are of another. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}
