// Not the global one, which tests that move the clock by hand replace.
import { setImmediate } from "node:timers";
import type { Logger } from "../background/engine/logger.ts";
import { logError } from "./refusal.ts";

/** Headers of one connection, which are not for the next (RFC 9110, 7.6.1, and those of older proxies). */
const OF_A_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** Codings of bodies that `fetch` undoes, and leaves in the headers (Fetch Standard, HTTP-network fetch). */
const UNDONE = /\b(?:gzip|x-gzip|deflate|br|zstd)\b/i;

/**
 * A Response that somebody else made, as it can be sent. One that `fetch` answered loses what was said of its own connection and of a
 * body that is unpacked by now. A body of another length than is announced breaks off, for what is left over would be taken for the
 * next answer. What fails while a body is read is told to the operator and not to the client.
 *
 * @throws TypeError for one that cannot be sent; whatever its body fails with before its first byte
 */
export async function sendable(response: Response, request: Request, logger: Logger): Promise<Response> {
  const { status, statusText, url, headers } = response;
  if (response.bodyUsed || response.body?.locked === true) {
    throw new TypeError("The body of this Response was read or sent before: make a new Response for each request.");
  }
  if (status === 0) throw new TypeError("Response.error() cannot be sent: answer with a status, or throw an error.");
  const sent = url === "" ? headers : passedOn(headers);
  const length = Number(sent.get("content-length") ?? Number.NaN);
  const body = response.body === null ? null : await watched(response.body, length, request, logger);
  return new Response(body, { status, statusText, headers: sent });
}

function passedOn(headers: Headers): Headers {
  const ours = new Headers(headers);
  for (const name of headers.get("connection")?.split(",") ?? []) remove(ours, name.trim());
  for (const name of OF_A_CONNECTION) remove(ours, name);
  if (UNDONE.test(headers.get("content-encoding") ?? "")) {
    remove(ours, "content-encoding");
    remove(ours, "content-length");
  }
  return ours;
}

function remove(headers: Headers, name: string): void {
  try {
    headers.delete(name);
  } catch {
    // What is no name of a header names none.
  }
}

/** @param announced bytes; NaN if they are not */
async function watched(
  body: ReadableStream<Uint8Array>,
  announced: number,
  request: Request,
  logger: Logger,
): Promise<ReadableStream<Uint8Array>> {
  const reader = body.getReader();
  let first: ReturnType<typeof reader.read> | undefined = reader.read();
  // What fails at once can still be answered with a status.
  await Promise.race([first, new Promise((resolve) => setImmediate(resolve))]);
  first.catch(() => {});
  let length = 0;
  let isLeft = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await (first ?? reader.read());
          first = undefined;
          if (isLeft) return;
          length += sizeOf(value);
          if (length > announced || (done && length < announced)) {
            throw new TypeError(`The body of a Response has not the ${announced} bytes that its content-length says.`);
          }
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (isLeft) return;
          logError(logger, "A response's body failed midway.", error, request.signal);
          reader.cancel(error).catch(() => {});
          controller.error(new Error("The response broke off: the server's log says why."));
        }
      },
      cancel: (reason) => {
        isLeft = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Bytes; texts are none that a body may have, and are sent all the same. */
function sizeOf(chunk: Uint8Array | string | undefined): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : (chunk?.byteLength ?? 0);
}
