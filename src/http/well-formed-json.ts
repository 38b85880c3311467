/** An escape of JSON; that of half a surrogate pair by itself. */
const ESCAPE = /\\(?:u(d[89a-f][0-9a-f]{2})|.)/g;

/**
 * JSON for any reader. JSON.stringify escapes half a surrogate pair, as is left of a text that was cut within an emoji, and readers
 * stricter than JavaScript's, such as jq, refuse all that it is part of: U+FFFD stands in its place.
 */
export function wellFormedJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  // What is no JSON at all is undefined.
  if (!json?.includes("\\ud")) return json;
  return json.replace(ESCAPE, (found, half: string | undefined) => (half === undefined ? found : "\ufffd"));
}
