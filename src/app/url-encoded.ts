/**
 * Parses a query or form. A repeated key has all its values in an array.
 *
 * @throws URIError when the percent-encoding is invalid, where URLSearchParams would silently put replacement
 * characters
 */
export function parseUrlEncoded(text: string): Map<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const end = pair.indexOf("=");
    const key = decode(end === -1 ? pair : pair.slice(0, end));
    const value = end === -1 ? "" : decode(pair.slice(end + 1));
    const before = values.get(key);
    if (before === undefined) values.set(key, value);
    else if (typeof before === "string") values.set(key, [before, value]);
    else before.push(value);
  }
  return values;
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
