import { JobError } from "./errors.ts";
import { shown } from "./text.ts";

/** Milliseconds, or a number with its unit: `"250ms"`, `"30s"`, `"5m"`, `"1.5h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** The longest delay of a Node.js timer, in milliseconds: a longer one fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Milliseconds in each unit. */
export const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** About 273 years, so that any instant plus a duration is a valid instant. */
const MAX_MS = 100_000 * 86_400_000;
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Converts a duration to whole milliseconds, as stores keep them; anything above zero is at least one.
 *
 * @param what names the setting in the error message: `"timeout of task 'mail'"`
 * @throws JobError `invalid_option` if it is negative, over 100,000 days, or not a duration
 * @example toMs("2s", "backoff") // 2000
 */
export function toMs(duration: Duration, what: string): number {
  const ms = typeof duration === "number" ? duration : parse(duration);
  if (ms !== undefined && ms >= 0 && ms <= MAX_MS) return ms < 1 ? Math.ceil(ms) : Math.round(ms);
  throw new JobError(
    "invalid_option",
    `The ${what} must be a duration, not ${shown(duration)}: use milliseconds (0 or more, at most 100,000 days), or a string such as "30s" with the unit ms, s, m, h or d.`,
  );
}

function parse(text: unknown): number | undefined {
  const match = typeof text === "string" ? PATTERN.exec(text) : null;
  return match ? Number(match[1]) * (UNIT_MS[match[2] as string] as number) : undefined;
}

const WORDS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/**
 * A duration for people to read, in its two largest units.
 *
 * @example inWords(272_000) // "4 min 32 s"
 */
export function inWords(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const at = WORDS.findIndex(([, size]) => ms >= size);
  const [unit, size] = WORDS[at] as readonly [string, number];
  const [smaller, part] = WORDS[at + 1] ?? ["", 0];
  const rest = part === 0 ? 0 : Math.floor((ms % size) / part);
  const whole = `${Math.floor(ms / size)} ${unit}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smaller}`;
}
