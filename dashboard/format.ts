const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** 12,345 */
export const count = (value: number): string => WHOLE.format(value);

/** 12.3K, for narrow places. */
export const compact = (value: number): string => (value < 10_000 ? WHOLE.format(value) : COMPACT.format(value));

/** "1 job", "2 jobs" */
export const plural = (value: number, one: string): string => `${count(value)} ${value === 1 ? one : `${one}s`}`;

/** A duration: 8 ms, 1.24 s, 2 m 3 s, 4 h 5 m, 3 d 2 h. */
export function duration(ms: number): string {
  if (ms < 1) return ms <= 0 ? "0 ms" : "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const s = Math.round(ms / 1_000);
  if (s < 3_600) return two(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 86_400) return two(Math.floor(s / 3_600), "h", Math.floor((s % 3_600) / 60), "m");
  return two(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3_600), "h");
}

/** Shown for an unknown instant. */
const UNKNOWN = "–";

/** A duration in whole units, so that ages do not flicker while they tick. */
export function coarse(ms: number): string {
  if (Number.isNaN(ms)) return UNKNOWN;
  const s = Math.floor(Math.abs(ms) / 1_000);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** "3 s ago", "in 2 min", "now" */
export function ago(at: number, now: number): string {
  const ms = now - at;
  if (Number.isNaN(ms)) return UNKNOWN;
  if (Math.abs(ms) < 1_000) return "now";
  return ms > 0 ? `${coarse(ms)} ago` : `in ${coarse(ms)}`;
}

const STAMP = new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });

/** 2026-03-01 14:05:09.123, in this browser's time zone. */
export function stamp(at: number): string {
  if (Number.isNaN(at)) return UNKNOWN;
  return `${STAMP.format(at).replace(",", "")}.${String(Math.floor(at) % 1_000).padStart(3, "0")}`;
}

/** 2026-03-01 14:05:09, without milliseconds. */
export const shortStamp = (at: number): string => stamp(at).replace(/\.\d+$/, "");

/** Two significant digits below 10 cents, $0.0123 as $0.012; else cents. */
export function dollars(cost: number): string {
  if (cost === 0 || cost >= 0.1) return `$${cost.toFixed(2)}`;
  return `$${cost.toPrecision(2)}`;
}

const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const isJobId = (text: string): boolean => JOB_ID.test(text);

/** The last part of a UUIDv7: it tells jobs apart, while the first part is the time. */
export const shortId = (jobId: string): string => jobId.slice(-12);

/** Invisible characters and bidirectional controls; not line feeds, tabs and the zero-width joiner, which emoji need. */
const INVISIBLE = /(?![\t\n\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Escapes such characters, so that names and messages cannot mislead. */
export const visible = (text: string): string => text.replace(INVISIBLE, escaped);

function escaped(character: string): string {
  return `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
