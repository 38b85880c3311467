/** A JSON escape; the group captures a lone surrogate's. */
const ESCAPE = /\\(?:u(d[89a-f][0-9a-f]{2})|.)/g;

/**
 * JSON.stringify, but with U+FFFD instead of escaped lone surrogates, which remain when a text is cut within an emoji.
 * Stricter parsers, such as jq's, reject the whole document because of them.
 */
export function wellFormedJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  // `json` is undefined for a value that JSON cannot express.
  if (!json?.includes("\\ud")) return json;
  return json.replace(ESCAPE, (found, half: string | undefined) => (half === undefined ? found : "\ufffd"));
}
