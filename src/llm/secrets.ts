import { causesOf } from "../background/core/failure.ts";

/** What errors of the AI SDK say, in which a key may be. */
const FIELDS = [
  "message",
  "stack",
  "url",
  "responseBody",
  "responseHeaders",
  "requestBodyValues",
  "data",
  "value",
  "text",
] as const;
/** As both providers begin their keys. */
const KEY = /\bsk-[A-Za-z0-9_-]{8,}/g;
/**
 * What is said to be one, in prose or as JSON within JSON, for keys that only a model object knows. A digit tells it from the name of a
 * setting; no quote and no backslash is in it, so that JSON stays JSON.
 */
const SAID_TO_BE =
  /(\bbearer\s+|key(?:\\*["']\s*[:=]\s*\\*["']|[^:="'\\]{0,24}[:=]\s*(?:\\*["'])?))(?=[\w.~+/=-]{0,40}\d)[\w.~+/=-]{8,}/gi;

/** Takes keys out of an error and its causes: servers have been seen to repeat them, and errors are kept with the job. */
export function hideKeys(error: unknown, keys: readonly string[]): void {
  const hidden = (text: string): string =>
    keys
      .reduce((shown, key) => shown.replaceAll(key, "[key]"), text)
      .replace(KEY, "[key]")
      .replace(SAID_TO_BE, "$1[key]");
  for (const link of causesOf(error)) {
    if (!(link instanceof Error)) continue;
    const fields = link as unknown as Record<string, unknown>;
    for (const name of FIELDS) {
      const value = fields[name];
      const text = typeof value === "string" ? value : JSON.stringify(value);
      if (text === undefined || hidden(text) === text) continue;
      fields[name] = typeof value === "string" ? hidden(text) : JSON.parse(hidden(text));
    }
  }
}
