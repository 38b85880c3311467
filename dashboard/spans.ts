import { now } from "./clock.ts";

const MINUTE = 60_000;

/** Time ranges of the list, by their names in the URL. */
export const SPANS: Readonly<Record<string, { readonly name: string; readonly ms: number }>> = {
  "15m": { name: "Last 15 minutes", ms: 15 * MINUTE },
  "1h": { name: "Last hour", ms: 60 * MINUTE },
  "24h": { name: "Last 24 hours", ms: 24 * 60 * MINUTE },
  "7d": { name: "Last 7 days", ms: 7 * 24 * 60 * MINUTE },
};

/** The time range in a URL's query, as parameters for the API. */
export function instantsOf(query: URLSearchParams): { readonly from?: string; readonly to?: string } {
  const since = query.get("since") ?? "";
  const span = Object.hasOwn(SPANS, since) ? SPANS[since] : undefined;
  if (span !== undefined) return { from: new Date(now() - span.ms).toISOString() };
  const from = instantOf(query.get("from"));
  const to = instantOf(query.get("to"));
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

/** Converts an instant, or the local time of an input field. */
export function instantOf(text: string | null): string | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
