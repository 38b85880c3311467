import { eventStream, type ResponseContext } from "./event-stream.ts";
import { toJson } from "./json.ts";
import { sendable } from "./sendable.ts";

/**
 * What a handler may return: a JSON value; `[body, status]`, an array of exactly two elements whose second is an
 * integer from 200 to 599; a Response; `undefined`, which is answered with 204; or an async generator, whose values are
 * sent as server-sent events.
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
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement returns void.
  | void;

/**
 * Turns a handler's reply into a response.
 *
 * @throws an error for a value that cannot be sent as JSON; whatever a stream throws before its first value
 */
export async function toResponse(reply: unknown, context: ResponseContext): Promise<Response> {
  if (isWithStatus(reply)) return encode(await reply[0], reply[1], context);
  if (reply instanceof Response) return sendable(reply, context.request, context.logger);
  return encode(reply, reply === undefined ? 204 : 200, context);
}

function isWithStatus(reply: unknown): reply is readonly [unknown, number] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const status: unknown = reply[1];
  return typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599;
}

async function encode(body: unknown, status: number, context: ResponseContext): Promise<Response> {
  const isBodiless = status === 204 || status === 205 || status === 304;
  if (body instanceof Response) {
    const { body: stream, headers } = await sendable(body, context.request, context.logger);
    if (isBodiless) stream?.cancel().catch(() => {});
    return new Response(isBodiless ? null : stream, { status, headers });
  }
  if (isBodiless || body === undefined) return new Response(null, { status });
  if (isAsyncIterable(body)) return eventStream(body, status, context);
  const text = toJson(body);
  if (text === undefined)
    throw new TypeError(`The handler returned a value of type ${typeof body}, which cannot be sent as JSON.`);
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
