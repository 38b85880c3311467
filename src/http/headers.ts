import { wellFormedJson } from "./well-formed-json.ts";

/** What every answer of the API carries: nobody is to guess its type, keep it, frame it or load anything from it. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** A response of JSON. */
export function jsonResponse(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return textResponse(wellFormedJson(body), "application/json", status, headers);
}

export function textResponse(
  text: string,
  type: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, { status, headers: { ...API_HEADERS, "content-type": type, ...headers } });
}
