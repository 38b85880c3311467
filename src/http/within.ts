import { MAX_TIMER_MS } from "../background/core/duration.ts";
import { HttpError } from "./http-error.ts";

/**
 * What is promised, if it is there in time.
 *
 * @param onLate gets what is there too late, which is nobody's
 * @throws HttpError 503; whatever the promise rejects with
 */
export function within<T>(timeoutMs: number, promised: Promise<T>, onLate: (late: T) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        promised.then(onLate, () => {});
        reject(new HttpError(503, "timeout", `There was no answer within ${timeoutMs} ms.`, { "retry-after": "5" }));
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    promised.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
