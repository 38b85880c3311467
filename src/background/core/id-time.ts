// A job's id is a UUIDv7, which begins with 48 bits of its creation time in milliseconds (RFC 9562, section 5.7): a bound
// in time is a bound in the order of ids, and needs no index of its own.

/** The largest instant that an id can hold, in milliseconds since 1970. */
export const MAX_INSTANT: number = 2 ** 48 - 1;

/** The smallest job id of an instant, which is clamped to the range of ids. */
export function firstIdAt(instant: number): string {
  const hex = Math.min(Math.max(0, Math.floor(instant)), MAX_INSTANT)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The lowest of the given upper bounds of ids, if there are any. */
export function lowestBound(...before: readonly (string | undefined)[]): string | undefined {
  return before.filter((bound) => bound !== undefined).sort()[0];
}

/** The instant at which an id was created. */
export function instantOf(jobId: string): number {
  return Number.parseInt(jobId.slice(0, 8) + jobId.slice(9, 13), 16);
}
