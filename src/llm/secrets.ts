import { causesOf } from "../background/core/failure.ts";

const TEXTS = ["message", "stack", "responseBody"] as const;
const VALUES = ["data", "requestBodyValues", "responseHeaders", "value", "text"] as const;
/** As both providers begin their keys. */
const KEY = /\bsk-[A-Za-z0-9_-]{8,}/g;

/** Takes keys out of an error and its causes: servers have been seen to repeat them, and errors are kept with the job. */
export function hideKeys(error: unknown, keys: readonly string[]): void {
  const hidden = (text: string): string =>
    keys.reduce((shown, key) => shown.replaceAll(key, "[key]"), text).replace(KEY, "[key]");
  for (const link of causesOf(error)) {
    if (!(link instanceof Error)) continue;
    const fields = link as unknown as Record<string, unknown>;
    for (const name of TEXTS) {
      const text = fields[name];
      if (typeof text === "string" && hidden(text) !== text) fields[name] = hidden(text);
    }
    for (const name of VALUES) {
      const text = name in fields ? JSON.stringify(fields[name]) : undefined;
      if (text !== undefined && hidden(text) !== text) fields[name] = JSON.parse(hidden(text));
    }
  }
}
