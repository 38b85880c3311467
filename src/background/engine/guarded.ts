/** Calls what is somebody else's, as an observer or a logger: what it throws, or rejects with, is reported and harms nothing. */
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
