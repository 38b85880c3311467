/** The promise, which fails when it takes longer. */
export function bounded<T>(promise: Promise<T>, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it gave no answer within ${withinMs} ms`)), withinMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
