import { JobError } from "./errors.ts";
import { shown } from "./text.ts";

/**
 * Checks that an options object has known settings only: a misspelt one would be ignored silently.
 *
 * @throws JobError `invalid_option`
 */
export function checkOptions(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== "object" || options === null) {
    throw new JobError("invalid_option", `The ${what} must be an object, not ${shown(options)}.`);
  }
  const unknown = Object.entries(options).find(([key, value]) => value !== undefined && !known.includes(key));
  if (unknown === undefined) return;
  throw new JobError(
    "invalid_option",
    `'${unknown[0].slice(0, 40)}' is not one of the ${what}: use ${known.join(", ")}.`,
  );
}

/**
 * Checks a boolean: anything else would silently be taken for true or false.
 *
 * @throws JobError `invalid_option`
 */
export function flag(value: unknown, what: string): boolean {
  if (typeof value === "boolean") return value;
  throw new JobError("invalid_option", `The ${what} must be true or false, not ${shown(value)}.`);
}

/**
 * Checks that a value is a string.
 *
 * @throws JobError `invalid_option`
 */
export function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new JobError("invalid_option", `The ${what} must be a string, not a value of type ${typeof value}.`);
}

/**
 * Checks an AbortSignal, of any realm.
 *
 * @throws JobError `invalid_option`
 */
export function checkSignal(value: AbortSignal, what: string): void {
  if (typeof value?.aborted === "boolean" && typeof value.addEventListener === "function") return;
  throw new JobError("invalid_option", `The ${what} must be an AbortSignal, not ${shown(value)}.`);
}

/**
 * Checks a whole number within bounds.
 *
 * @throws JobError `invalid_option`
 */
export function wholeNumber(value: unknown, min: number, what: string, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  throw new JobError("invalid_option", `The ${what} must be a whole number ${range}, not ${shown(value)}.`);
}

/**
 * Checks that a value is the path of a file.
 *
 * @throws JobError `invalid_option`
 */
export function filePath(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "" || value.includes("\0")) {
    throw new JobError("invalid_option", `The ${what} must be the path of a file, not ${shown(value)}.`);
  }
  // It would be a path like any other, and create a file of that name. It may contain a password.
  if (/^(sqlite|file|rediss?):/i.test(value)) {
    throw new JobError("invalid_option", `The ${what} must be the path of a file, not a url.`);
  }
  return value;
}
