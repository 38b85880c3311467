import { JobError } from "./errors.ts";
import { MAX_NOTE_BYTES } from "./limits.ts";
import type { Progress } from "./store.ts";
import { truncate } from "./text.ts";

/** A fraction from 0 to 1, or how much of a total is done, optionally with a short message. */
export type ProgressUpdate =
  | number
  | {
      readonly done?: number | undefined;
      readonly total?: number | undefined;
      readonly message?: string | undefined;
    };

/**
 * Progress as it is stored. Fractions are clamped to 0..1; an undefined one (0 of 0) is `null`, since an attempt that has
 * nothing to do should not fail for it.
 *
 * @throws JobError `invalid_option` for anything that is not an update
 */
export function progressOf(update: ProgressUpdate): Progress {
  if (typeof update === "number") return { fraction: within(update), done: null, total: null, message: null };
  if (typeof update !== "object" || update === null) throw noProgress(update);
  const { done = null, total = null, message = null } = update;
  for (const part of [done, total]) if (part !== null && typeof part !== "number") throw noProgress(part);
  if (message !== null && typeof message !== "string") throw noProgress(message);
  return {
    fraction: done === null || total === null ? null : within(done / total),
    done: finite(done),
    total: finite(total),
    message: message === null ? null : truncate(message, MAX_NOTE_BYTES),
  };
}

/** Reads progress from a store, as far as it is valid: another program may have written anything there. */
export function readProgress(kept: unknown): Progress | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { fraction, done, total, message } = kept as Partial<Record<keyof Progress, unknown>>;
  return {
    fraction: typeof fraction === "number" ? within(fraction) : null,
    done: finite(done),
    total: finite(total),
    message: typeof message === "string" ? message : null,
  };
}

function within(fraction: number): number | null {
  return Number.isNaN(fraction) ? null : Math.min(1, Math.max(0, fraction));
}

function finite(count: unknown): number | null {
  return typeof count === "number" && Number.isFinite(count) ? count : null;
}

function noProgress(given: unknown): JobError {
  return new JobError(
    "invalid_option",
    `job.progress() takes a fraction from 0 to 1, or { done, total, message }, not a value of type ${typeof given}.`,
  );
}
