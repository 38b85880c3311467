import { settlesWithin } from "../background/engine/bounded.ts";
import { HttpError } from "./http-error.ts";

/**
 * What is promised, if it is there in time.
 *
 * @param onLate gets what is there too late, which is nobody's
 * @throws HttpError 503; whatever the promise rejects with
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
