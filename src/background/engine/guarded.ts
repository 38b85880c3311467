/** Calls user code, such as a listener, an observer or a logger, and reports what it throws or rejects with. */
export function guarded<T>(call: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    const answer = call();
    // Whatever has a `then`: within a test runner's realm, the promises of Node.js itself are of another.
    const then: unknown = (answer as { readonly then?: unknown } | null | undefined)?.then;
    if (typeof then === "function") Promise.resolve(answer).catch(onError);
    return answer;
  } catch (error) {
    onError(error);
    return undefined;
  }
}
