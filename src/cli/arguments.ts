import { InvalidArgumentError } from "commander";
import { type Duration, toMs } from "../background/core/duration.ts";
import { checkTaskName, isJobId } from "../background/core/names.ts";
import { isDay } from "../http/time-bounds.ts";

/** Parsers of options and arguments. Each throws a sentence, which commander shows with the option's name. */

export function wholeFrom(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number of ${min} or more.`
        : `It must be a whole number from ${min} to ${max}.`,
    );
  };
}

export function duration(text: string): Duration {
  try {
    const value = (/^\d+$/.test(text) ? Number(text) : text) as Duration;
    toMs(value, "duration");
    return value;
  } catch {
    throw new InvalidArgumentError('It must be milliseconds, or a number with ms, s, m, h or d, such as "30s".');
  }
}

export function instant(text: string): Date {
  const at = instantIn(text);
  if (at === undefined) throw new InvalidArgumentError('It must be a time such as "2026-12-24T18:00:00Z".');
  return at;
}

/** Parses a time, or a duration before now. */
export function pastInstant(text: string): Date {
  const at = instantIn(text);
  if (at !== undefined) return at;
  try {
    return new Date(Date.now() - toMs(text as Duration, "duration"));
  } catch {
    throw new InvalidArgumentError(
      'It must be a time such as "2026-12-24T18:00:00Z", or how long ago it was, such as "2h".',
    );
  }
}

/** Requires a leading date, since `Date` parses almost any text. */
function instantIn(text: string): Date | undefined {
  const isTime = /^\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/i.test(text) && isDay(text);
  const at = new Date(isTime ? text : Number.NaN);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

export function jobId(text: string): string {
  if (isJobId(text)) return text;
  throw new InvalidArgumentError("It must be a job id, such as 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30.");
}

export function jobIds(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, jobId(text)];
}

export function taskName(text: string): string {
  try {
    return checkTaskName(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
