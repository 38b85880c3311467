import { HttpError, invalidRequest } from "./http-error.ts";

/**
 * Reads a request's body as a JSON object. An empty body gives an empty object.
 *
 * @param limit maximum size in bytes; at most this much is buffered
 * @throws HttpError 400, 413; 500 if the body has been read before, by middleware for example
 */
export async function readJsonObject(request: Request, limit: number): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request, limit);
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidRequest("The body is not valid JSON.");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalidRequest("The body must be a JSON object.");
}

async function readText(request: Request, limit: number): Promise<string> {
  const announced = Number(request.headers.get("content-length"));
  if (announced > limit) throw tooLarge(limit);
  if (request.body === null) return "";
  if (request.bodyUsed) throw readBefore();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = request.body.getReader();
  let text = "";
  let length = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      length += read.value.byteLength;
      if (length > limit) throw tooLarge(limit);
      text += decoder.decode(read.value, { stream: true });
    }
    // The adapter may have made the request after a body parser had consumed the body.
    if (length === 0 && announced > 0) throw readBefore();
    return text + decoder.decode();
  } catch (error) {
    void reader.cancel().catch(() => {});
    if (error instanceof HttpError) throw error;
    throw invalidRequest("The body ended early or is not valid UTF-8.");
  }
}

function readBefore(): HttpError {
  return new HttpError(500, "body_read_before", "The body was already read: mount this before any body parser.");
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, "body_too_large", `The body must be at most ${limit} bytes.`, {
    connection: "close",
  });
}
