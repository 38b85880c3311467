import { UNIT_MS } from "../background/core/duration.ts";

type Headers = Readonly<Record<string, string | undefined>>;

/** Longest wait that is honoured; a longer one is taken for a provider's mistake. */
const LONGEST_MS = 24 * 3_600_000;

/** The wait a server asks for: `retry-after-ms`, or HTTP's Retry-After in seconds or as a date (RFC 9110, 10.2.3). */
export function retryAfterMs(headers: Headers, now: number): number | null {
  const ms = numberIn(headers["retry-after-ms"]);
  if (ms !== null) return bounded(ms);
  const text = headers["retry-after"];
  if (text === undefined) return null;
  const seconds = numberIn(text);
  if (seconds !== null) return bounded(seconds * 1_000);
  return bounded(Date.parse(text) - serverTime(headers, now));
}

/**
 * The time until the exhausted rate limit resets, from the providers' headers: `anthropic-ratelimit-tokens-reset` (a
 * date), `x-ratelimit-reset-requests` (`"6m0s"`), `x-ratelimit-reset` (seconds, or Unix time in seconds or
 * milliseconds). Limits with nothing remaining take precedence over the others; of several, the longest wait counts.
 */
export function resetMs(headers: Headers, now: number): number | null {
  const servedAt = serverTime(headers, now);
  const limits = Object.entries(headers).flatMap(([header, text]) => {
    const waitMs = /\bratelimit\b.*\breset\b/.test(header) && text !== undefined ? waitIn(text, servedAt) : null;
    if (waitMs === null) return [];
    const remaining = numberIn(headers[header.replace(/\breset\b/, "remaining")]);
    return [{ waitMs, isExhausted: remaining === 0 }];
  });
  const exhausted = limits.filter(({ isExhausted }) => isExhausted);
  const counted = exhausted.length > 0 ? exhausted : limits;
  return counted.length === 0 ? null : bounded(Math.max(...counted.map(({ waitMs }) => waitMs)));
}

/** The time by the server's clock if it sends that, so that an error of ours does not matter. */
function serverTime(headers: Headers, now: number): number {
  const servedAt = Date.parse(headers.date ?? "");
  return Number.isNaN(servedAt) ? now : servedAt;
}

/** `null` for a wait that is already over: the caller then uses its own backoff. */
function bounded(ms: number): number | null {
  return ms > 0 ? Math.min(Math.ceil(ms), LONGEST_MS) : null;
}

function waitIn(text: string, now: number): number | null {
  const number = numberIn(text);
  // Ten digits are a Unix time: as a wait they would be over thirty years. OpenRouter sends thirteen, in milliseconds.
  if (number !== null && number >= 1e12) return number - now;
  if (number !== null) return number >= 1e9 ? number * 1_000 - now : number * 1_000;
  return partsIn(text) ?? (Number.isNaN(Date.parse(text)) ? null : Date.parse(text) - now);
}

function numberIn(text: string | undefined): number | null {
  return text !== undefined && /^\s*\d{1,15}(\.\d*)?\s*$/.test(text) ? Number(text) : null;
}

/** `"1h2m3.5s"`, as Go writes durations. */
function partsIn(text: string): number | null {
  if (!/^(\d{1,15}(\.\d{1,15})?(ms|s|m|h|d))+$/.test(text)) return null;
  return Array.from(text.matchAll(/([\d.]+)(ms|[smhd])/g)).reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit as string] as number),
    0,
  );
}
