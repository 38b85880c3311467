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
 * What is said to be one, in prose or as JSON within JSON, for keys that only a model object knows. Its length and a digit tell it from
 * the name of a setting; no quote and no backslash is in it, so that JSON stays JSON.
 */
const SAID_TO_BE =
  /(\bbearer\s+|(?<![a-z])(?:api)?key(?:\\*["']\s*[:=]\s*\\*["']|[^:="'\\]{0,24}[:=]\s*(?:\\*["'])?))(?=[\w.~+/=-]{0,40}\d)[\w.~+/=-]{12,}/gi;

/** The rest of a longer text is cut off: it is not kept with the job, and looking through megabytes would hold up everything else. */
const MAX_TEXT = 262_144;

/** Takes keys out of an error and its causes: servers have been seen to repeat them, and errors are kept with the job. */
export function hideKeys(error: unknown, keys: readonly string[]): void {
  const hidden = (text: string): string =>
    keys
      .reduce((shown, key) => shown.replaceAll(key, "[key]"), text)
      .replace(KEY, "[key]")
      .replace(SAID_TO_BE, "$1[key]");
  const cleaned = (value: unknown): unknown => {
    if (typeof value === "string") return hidden(value.slice(0, MAX_TEXT));
    const text = jsonOf(value) ?? "";
    const shown = hidden(text);
    return shown === text ? value : parsed(shown);
  };
  for (const link of causesOf(error)) {
    if (!(link instanceof Error)) continue;
    const fields = link as unknown as Record<string, unknown>;
    for (const name of FIELDS) {
      const value = fields[name];
      const shown = cleaned(value);
      if (shown !== value) fields[name] = shown;
    }
  }
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // Of a circle nothing is kept with the job either.
    return undefined;
  }
}

/** A key such as `true`, as servers of one's own have, may have been a part of the JSON itself. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
