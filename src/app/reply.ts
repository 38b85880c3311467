import { eventStream, type Listener } from "./event-stream.ts";
import { toJson } from "./json.ts";
import { sendable } from "./sendable.ts";

/**
 * What a handler may return: a JSON value; `[body, status]`, which is an array of exactly two elements of which the
 * second is an integer from 200 to 599; a Response; nothing, which is a 204; or an async generator, whose values become
 * server-sent events.
 *
 * @example
 * ```ts
 * const handler = (): Reply => [{ error: "Job not found" }, 404];
 * ```
 */
export type Reply =
  | Response
  | readonly [body: unknown, status: number]
  | object
  | string
  | number
  | boolean
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement is one.
  | void;

/**
 * The response that a handler's reply stands for.
 *
 * @throws whatever a stream throws before its first value; an error for what JSON has no word for
 */
export async function toResponse(reply: unknown, listener: Listener): Promise<Response> {
  if (isWithStatus(reply)) return encode(await reply[0], reply[1], listener);
  if (reply instanceof Response) return sendable(reply, listener.request, listener.logger);
  return encode(reply, reply === undefined ? 204 : 200, listener);
}

function isWithStatus(reply: unknown): reply is readonly [unknown, number] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const status: unknown = reply[1];
  return typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599;
}

async function encode(body: unknown, status: number, listener: Listener): Promise<Response> {
  const isBodiless = status === 204 || status === 205 || status === 304;
  if (body instanceof Response) {
    const { body: stream, headers } = await sendable(body, listener.request, listener.logger);
    if (isBodiless) stream?.cancel().catch(() => {});
    return new Response(isBodiless ? null : stream, { status, headers });
  }
  if (isBodiless || body === undefined) return new Response(null, { status });
  if (isAsyncIterable(body)) return eventStream(body, status, listener);
  const text = toJson(body);
  if (text === undefined) throw new TypeError(`The handler returned a ${typeof body}, which cannot be sent as JSON.`);
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
