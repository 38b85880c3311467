// Not the global one, which tests with fake timers replace.
import { setImmediate } from "node:timers";
import type { Logger } from "../background/engine/logger.ts";
import { logError } from "./refusal.ts";

/** Hop-by-hop headers, which must not be forwarded (RFC 9110, 7.6.1, and those of older proxies). */
const HOP_BY_HOP_HEADERS = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** Content codings that `fetch` decodes while it leaves the header as it was (Fetch Standard, HTTP-network fetch). */
const DECODED_BY_FETCH = /\b(?:gzip|x-gzip|deflate|br|zstd)\b/i;

/**
 * Prepares a Response of unknown origin for sending. One that came from `fetch` loses its hop-by-hop headers, and the
 * headers of an encoding that `fetch` has decoded. A body that does not have the announced content-length is cut off
 * with an error: extra bytes would be taken for the next response. Errors of the body are logged and kept from the
 * client.
 *
 * @throws TypeError if the Response cannot be sent; the body's error if it fails at once
 */
export async function sendable(response: Response, request: Request, logger: Logger): Promise<Response> {
  const { status, statusText, url, headers } = response;
  if (response.bodyUsed || response.body?.locked === true) {
    throw new TypeError("The body of this Response was already read or sent: create a new Response for each request.");
  }
  if (status === 0)
    throw new TypeError("Response.error() cannot be sent: return a Response with a status, or throw an error.");
  const sent = url === "" ? headers : forwardable(headers);
  const length = Number(sent.get("content-length") ?? Number.NaN);
  const body = response.body === null ? null : await guarded(response.body, length, request, logger);
  return new Response(body, { status, statusText, headers: sent });
}

function forwardable(headers: Headers): Headers {
  const copy = new Headers(headers);
  for (const name of headers.get("connection")?.split(",") ?? []) remove(copy, name.trim());
  for (const name of HOP_BY_HOP_HEADERS) remove(copy, name);
  if (DECODED_BY_FETCH.test(headers.get("content-encoding") ?? "")) {
    remove(copy, "content-encoding");
    remove(copy, "content-length");
  }
  return copy;
}

function remove(headers: Headers, name: string): void {
  try {
    headers.delete(name);
  } catch {
    // An invalid header name: there can be no such header to remove.
  }
}

/** @param announced the content-length in bytes; NaN without one */
async function guarded(
  body: ReadableStream<Uint8Array>,
  announced: number,
  request: Request,
  logger: Logger,
): Promise<ReadableStream<Uint8Array>> {
  const reader = body.getReader();
  let first: ReturnType<typeof reader.read> | undefined = reader.read();
  // A body that fails at once can still be answered with a status.
  await Promise.race([first, new Promise((resolve) => setImmediate(resolve))]);
  first.catch(() => {});
  let length = 0;
  let isCancelled = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await (first ?? reader.read());
          first = undefined;
          if (isCancelled) return;
          length += sizeOf(value);
          if (length > announced || (done && length < announced)) {
            throw new TypeError(
              `The body of a Response does not have the ${announced} bytes that its content-length announces.`,
            );
          }
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (isCancelled) return;
          logError(logger, "The body of a response failed midway.", error, request.signal);
          reader.cancel(error).catch(() => {});
          controller.error(new Error("The response ended early: see the server's log."));
        }
      },
      cancel: (reason) => {
        isCancelled = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** In bytes. A body's chunks should not be strings, but those are sent all the same. */
function sizeOf(chunk: Uint8Array | string | undefined): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : (chunk?.byteLength ?? 0);
}
