/** What a promise comes to; or the reason of a signal, as soon as that is aborted, while what was promised goes on unheard. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal?.reason);
    promise.then(resolve, reject).finally(() => signal?.removeEventListener("abort", leave));
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}
