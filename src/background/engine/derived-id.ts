import { createHash } from "node:crypto";
import { v7 } from "uuid";
import { JobError } from "../core/errors.ts";
import { shown } from "../core/text.ts";

/** The first millisecond that a UUIDv7 cannot hold (RFC 9562, section 5.7). */
const END_OF_TIME_MS = 2 ** 48;

/**
 * The job id of a key: the same in every process, whenever it is called. A job that is enqueued with it again is stored
 * once, for as long as it is retained; afterwards the id can be used anew. Keys are hashed with SHA-256.
 *
 * @param key what the job is for, beginning with the name of its task, as an id belongs to one task: `"charge A-1"`
 * @param at a time of the key that never changes, by which lists sort and select the job: when the order was made,
 *   the first of the month. From 1970 to the year 10889
 * @throws JobError `invalid_option` if the key is empty or no string, or the time is not such a Date
 * @example
 * ```ts
 * await charge.enqueue(order, { id: jobIdOf(`charge ${order.number}`, order.createdAt) });
 * ```
 */
export function jobIdOf(key: string, at: Date): string {
  if (typeof key !== "string" || key === "")
    throw new JobError("invalid_option", `The key of jobIdOf() must be a string that is not empty, not ${shown(key)}.`);
  const msecs = at instanceof Date ? at.getTime() : Number.NaN;
  if (!(msecs >= 0 && msecs < END_OF_TIME_MS))
    throw new JobError("invalid_option", `The time of jobIdOf() must be a valid Date from 1970 on, not ${shown(at)}.`);
  const hash = createHash("sha256").update(key).digest();
  return v7({ msecs, seq: hash.readUInt32BE(0), random: hash });
}
