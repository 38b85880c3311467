// A job's id is a UUIDv7, which begins with the 48 bits of milliseconds at which it was made (RFC 9562, section 5.7): bounds
// in time are bounds in the order of ids, and cost nothing to look for.

/** The largest instant that an id can hold, in milliseconds since 1970. */
export const MAX_INSTANT: number = 2 ** 48 - 1;

/** The smallest job id of an instant; one out of range is taken for the nearest within. */
export function firstIdAt(instant: number): string {
  const hex = Math.min(Math.max(0, Math.floor(instant)), MAX_INSTANT)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The narrowest of bounds that ids have to lie before, if there are any. */
export function narrowest(...before: readonly (string | undefined)[]): string | undefined {
  return before.filter((bound) => bound !== undefined).sort()[0];
}

/** The instant at which an id was made. */
export function instantOf(jobId: string): number {
  return Number.parseInt(jobId.slice(0, 8) + jobId.slice(9, 13), 16);
}
