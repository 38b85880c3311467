/** Calls user code, such as an observer or a logger, and reports what it throws or rejects with. */
export function guarded<T>(call: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(onError);
    return answer;
  } catch (error) {
    onError(error);
    return undefined;
  }
}
