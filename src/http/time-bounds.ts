import { MAX_INSTANT } from "../background/core/id-time.ts";
import { invalidRequest } from "./http-error.ts";

/** An instant from a request: an ISO date with time zone, or milliseconds since 1970. */
export function parseInstant(text: unknown, name: string): number {
  const instant =
    typeof text === "number" || (typeof text === "string" && /^\d{1,15}$/.test(text))
      ? Number(text)
      : typeof text === "string" && /^\d{4}-\d{2}-\d{2}(?:T.*(?:Z|[+-]\d{2}:?\d{2}))?$/i.test(text)
        ? Date.parse(text)
        : Number.NaN;
  if (Number.isInteger(instant) && instant >= 0 && instant <= MAX_INSTANT) return instant;
  throw invalidRequest(
    `The ${name} is no instant: give an ISO date such as 2026-01-31T12:00:00Z, or milliseconds since 1970.`,
  );
}
