import type { Logger } from "../background/engine/logger.ts";
import { toJson } from "./json.ts";
import { describeError, logError } from "./refusal.ts";

/** Headers that make events arrive as soon as they are sent. */
export const EVENT_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Compression on the way, such as Express's middleware, would buffer events until it has enough data.
  "cache-control": "no-cache, no-transform",
  // nginx would buffer events until its buffer is full.
  "x-accel-buffering": "no",
};

/** The request being answered, and the logger for failures of the response. */
export interface ResponseContext {
  readonly request: Request;
  readonly logger: Logger;
}

/**
 * Sends values as server-sent events: strings as they are, anything else as JSON. The next value is requested when the
 * client has taken the previous one, and the iterator's `return` is called when the client disconnects.
 *
 * The response waits for the first value, so that a failure before it can be answered with a status. A later failure
 * becomes a last event named `error`.
 */
export async function eventStream(
  values: AsyncIterable<unknown>,
  status: number,
  context: ResponseContext,
): Promise<Response> {
  const events = encode(values[Symbol.asyncIterator](), context);
  await events.next();
  const { signal } = context.request;
  const stop = (): void => void events.return();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return new Response(ReadableStream.from(events), { status, headers: EVENT_HEADERS });
}

/** Yields an empty chunk once there is a first value: a generator that has begun runs its `finally` on `return`. */
async function* encode(
  values: AsyncIterator<unknown>,
  { request, logger }: ResponseContext,
): AsyncGenerator<Uint8Array, void> {
  const bytesOf = new TextEncoder();
  let hasStarted = false;
  try {
    let next = await values.next();
    hasStarted = true;
    yield new Uint8Array();
    while (next.done !== true) {
      yield bytesOf.encode(dataOf(next.value));
      next = await values.next();
    }
  } catch (error) {
    if (!hasStarted) throw error;
    logError(logger, "A stream failed midway.", error, request.signal);
    yield bytesOf.encode(`event: error\n${dataOf(describeError(error))}`);
  } finally {
    await end(values).catch((error: unknown) => logError(logger, "A stream failed at its end.", error, request.signal));
  }
}

async function end(values: AsyncIterator<unknown>): Promise<void> {
  await values.return?.();
}

function dataOf(value: unknown): string {
  const text = typeof value === "string" ? value : (toJson(value) ?? "null");
  const lines = text.split(/\r\n|\r|\n/);
  return `${lines.map((line) => `data: ${line}\n`).join("")}\n`;
}
