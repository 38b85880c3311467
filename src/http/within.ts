import { settlesWithin } from "../background/engine/bounded.ts";
import { HttpError } from "./http-error.ts";

/**
 * Adds a timeout to a promise.
 *
 * @param onLate called with a result that arrives after the timeout, to release it
 * @throws HttpError 503 after the timeout; whatever the promise rejects with
 */
export async function within<T>(
  timeoutMs: number,
  promised: Promise<T>,
  onLate: (late: T) => void = () => {},
): Promise<T> {
  const settled = promised.then(
    () => {},
    () => {},
  );
  if (await settlesWithin(timeoutMs, settled)) return promised;
  promised.then(onLate, () => {});
  throw new HttpError(503, "timeout", `There was no answer within ${timeoutMs} ms.`, { "retry-after": "5" });
}
