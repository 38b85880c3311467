import type { Logger } from "../background/engine/logger.ts";
import { toJson } from "./json.ts";
import { describeError, logError } from "./refusal.ts";

/** With these, events arrive as they are sent. */
export const EVENT_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // What compresses on the way, as middleware of Express does, would hold events back until it has enough of them.
  "cache-control": "no-cache, no-transform",
  // nginx would hold events back until its buffer is full.
  "x-accel-buffering": "no",
};

/** The request that a stream answers, and who is told when the stream fails. */
export interface Listener {
  readonly request: Request;
  readonly logger: Logger;
}

/**
 * Values as server-sent events: a text as it is, anything else as JSON. The next value is asked for when the client has
 * taken the one before, and the values' `return` is called when the client goes away.
 *
 * The response waits for the first value, so that what fails before it is answered with a status. What fails later is
 * an event named `error`, and the end.
 */
export async function eventStream(
  values: AsyncIterable<unknown>,
  status: number,
  listener: Listener,
): Promise<Response> {
  const events = encode(values[Symbol.asyncIterator](), listener);
  await events.next();
  const { signal } = listener.request;
  const stop = (): void => void events.return();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return new Response(ReadableStream.from(events), { status, headers: EVENT_HEADERS });
}

/** Its first chunk is empty and comes when there is a first value, so that from then on a `return` reaches what has to be cleaned up. */
async function* encode(
  values: AsyncIterator<unknown>,
  { request, logger }: Listener,
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
