import { MAX_INSTANT } from "../background/core/id-time.ts";
import { invalidRequest } from "./http-error.ts";

/** Whether a text begins with a valid date: `Date` would turn February 31 into March 3. */
export function isDay(text: string): boolean {
  const day = text.slice(0, 10);
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

/** Parses an instant: an ISO date, with a time zone if it has a time, or milliseconds since 1970. */
export function parseInstant(text: unknown, name: string): number {
  const instant =
    typeof text === "number" || (typeof text === "string" && /^\d{1,15}$/.test(text))
      ? Number(text)
      : typeof text === "string" && /^\d{4}-\d{2}-\d{2}(?:T.*(?:Z|[+-]\d{2}:?\d{2}))?$/i.test(text) && isDay(text)
        ? Date.parse(text)
        : Number.NaN;
  if (Number.isInteger(instant) && instant >= 0 && instant <= MAX_INSTANT) return instant;
  throw invalidRequest(
    `The ${name} is not a valid time: use an ISO date such as 2026-01-31T12:00:00Z, or milliseconds since 1970.`,
  );
}
