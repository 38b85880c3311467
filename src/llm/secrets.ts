import { causesOf } from "../background/core/failure.ts";

/** Properties of AI SDK errors that may contain a key. */
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
/** The form of both providers' keys. */
const KEY = /\bsk-[A-Za-z0-9_-]{8,}/g;
/**
 * A value labelled as a key, in prose or in JSON nested within JSON, for keys that only a model object knows. The
 * minimum length and a digit tell it from a setting's name, and what is in front of it from the place of a function in a
 * stack, `keyOf (file:///…`; it includes no quote or backslash, so that JSON remains valid.
 */
const LABELLED_KEY =
  /(\bbearer\s+|(?<![a-z])(?:api)?key(?:\\*["']\s*[:=]\s*\\*["']|[^:="'\\]{0,24}[:=]\s*(?:\\*["'])?))(?<!\(file:)(?=[\w.~+/=-]{0,40}\d)[\w.~+/=-]{12,}/gi;

/** Longer texts are truncated: jobs keep less than that, and searching megabytes would block the event loop. */
const MAX_TEXT = 262_144;

/** Redacts keys in an error and its causes: some servers repeat the key they got, and errors are stored with the job. */
export function hideKeys(error: unknown, keys: readonly string[]): void {
  const hidden = (text: string): string =>
    keys
      .reduce((shown, key) => shown.replaceAll(key, "[key]"), text)
      .replace(KEY, "[key]")
      .replace(LABELLED_KEY, "$1[key]");
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
    // A cyclic value is not stored with the job either.
    return undefined;
  }
}

/** Falls back to text: replacing a key such as `true`, which self-hosted servers have, may break the JSON's syntax. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
