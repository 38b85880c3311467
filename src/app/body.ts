import { bodyTooLarge, invalidInput, Refusal } from "./refusal.ts";
import type { RequestBody } from "./request.ts";
import { parseUrlEncoded } from "./url-encoded.ts";

/** A request's body: parsed if it is JSON or a form, else left unread. */
export interface Body {
  /** The parsed values; empty if the body was left unread. */
  readonly values: ReadonlyMap<string, unknown>;
  /** The body for a handler that wants it raw: the bytes read, or the unread stream. */
  readonly raw: RequestBody | null;
  /** The media type of a body that was left unread. */
  readonly unreadType: string | null;
}

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();
const JSON_TYPE = /^(?:application\/(?:[\w.+-]+\+)?|text\/)json$/;
const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * Reads and parses a JSON or form body. A body of any other type is left to the handler.
 *
 * @param limit maximum size in bytes; at most this much is buffered
 * @throws Refusal if the body is too large or malformed
 */
export async function readBody(request: Request, limit: number): Promise<Body> {
  if (request.method === "GET" || request.method === "HEAD" || request.body === null) {
    return { values: NO_VALUES, raw: null, unreadType: null };
  }
  if (Number(request.headers.get("content-length")) > limit) throw bodyTooLarge(limit);
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  const isForm = type === FORM_TYPE;
  if (type !== "" && !isForm && !JSON_TYPE.test(type)) {
    return { values: NO_VALUES, raw: limited(request.body, limit), unreadType: type };
  }
  const bytes = await readAll(request.body, limit);
  if (bytes.length === 0) return { values: NO_VALUES, raw: bytes, unreadType: null };
  const text = decode(bytes, request.headers.get("content-encoding"));
  return { values: isForm ? parseForm(text) : parseJson(text), raw: bytes, unreadType: null };
}

async function readAll(body: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw invalidInput(`The body ended early: ${error instanceof Error ? error.message : "it could not be read"}.`);
    });
    if (done) return concat(chunks, length);
    length += value.length;
    if (length > limit) {
      reader.cancel().catch(() => {});
      throw bodyTooLarge(limit);
    }
    chunks.push(value);
  }
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function limited(body: ReadableStream<Uint8Array>, limit: number): ReadableStream<Uint8Array> {
  let length = 0;
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        length += chunk.length;
        if (length > limit) throw bodyTooLarge(limit);
        controller.enqueue(chunk);
      },
    }),
  );
}

function decode(bytes: Uint8Array, encoding: string | null): string {
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    const error = `The content encoding ${encoding.slice(0, 40)} is not accepted: send the body unencoded.`;
    throw new Refusal(415, { error, code: "unsupported_encoding" });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidInput("The body is not valid UTF-8.");
  }
}

function parseJson(text: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidInput(`The body is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  const found = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  throw invalidInput(`The body must be a JSON object, not ${found}.`);
}

function parseForm(text: string): ReadonlyMap<string, unknown> {
  // No real form begins with a brace, but curl labels the body of -d '{...}' as a form.
  if (text.startsWith("{")) {
    throw invalidInput(
      `The body looks like JSON, but its content type is ${FORM_TYPE}: send content-type: application/json.`,
    );
  }
  try {
    return parseUrlEncoded(text);
  } catch {
    throw invalidInput("The percent-encoding in the body is not valid.");
  }
}
