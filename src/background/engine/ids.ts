import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

/** Chance for 256 ids at a time: asking the system for each takes longer than all else that is done for a job. */
const chance = new Uint8Array(4_096);
const portions = Array.from({ length: chance.length / 16 }, (_, at) => chance.subarray(16 * at, 16 * (at + 1)));
let taken = portions.length;

let msecs = 0;
let sequence = 0;

/**
 * A new job id, to enqueue with: a UUIDv7 in lower case, later than every one that this process made before, also when
 * the system's clock is set back (RFC 9562, section 6.2, method 1, with a counter of 32 bits).
 *
 * @example
 * ```ts
 * const id = newJobId();
 * await charge.enqueue(order, { id }); // can be repeated after an error: the job is stored once
 * ```
 */
export function newJobId(): string {
  const random = next16();
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    // Begins in the lower half, so that it does not run out within the millisecond.
    sequence = (((random[6] as number) & 0x7f) << 24) | ((random[7] as number) << 16) | ((random[8] as number) << 8);
  } else {
    sequence = (sequence + 1) | 0;
    if (sequence === 0) msecs++;
  }
  return v7({ random, msecs, seq: sequence });
}

function next16(): Uint8Array {
  if (taken === portions.length) {
    randomFillSync(chance);
    taken = 0;
  }
  return portions[taken++] as Uint8Array;
}
