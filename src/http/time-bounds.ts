import { invalidRequest } from "./http-error.ts";

/** The largest instant that a UUIDv7 can hold: 48 bits. */
const MAX_AT = 2 ** 48 - 1;

/**
 * The smallest job id of an instant: a UUIDv7 begins with its 48 bits of milliseconds (RFC 9562, section 5.7), so that
 * bounds in time are bounds in the order of ids, and cost nothing to look for.
 */
export function firstIdAt(instant: number): string {
  const hex = Math.min(Math.max(0, Math.floor(instant)), MAX_AT)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** An instant from a request: an ISO date with time zone, or milliseconds since 1970. */
export function parseInstant(text: unknown, name: string): number {
  const instant =
    typeof text === "number" || (typeof text === "string" && /^\d{1,15}$/.test(text))
      ? Number(text)
      : typeof text === "string" && /^\d{4}-\d{2}-\d{2}(?:T.*(?:Z|[+-]\d{2}:?\d{2}))?$/i.test(text)
        ? Date.parse(text)
        : Number.NaN;
  if (Number.isInteger(instant) && instant >= 0 && instant <= MAX_AT) return instant;
  throw invalidRequest(
    `The ${name} is no instant: give an ISO date such as 2026-01-31T12:00:00Z, or milliseconds since 1970.`,
  );
}
