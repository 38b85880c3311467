/** The promise, which fails when it takes longer; the process lives until then, unless it is not held. */
export function bounded<T>(promise: Promise<T>, withinMs: number, isHeld = true): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it gave no answer within ${withinMs} ms`)), withinMs);
    if (!isHeld) timer.unref();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
