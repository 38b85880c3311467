import { EVENT_HEADERS } from "../app/event-stream.ts";
import type { Viewer } from "./feed.ts";
import { API_HEADERS } from "./headers.ts";

const HEADERS = { ...API_HEADERS, ...EVENT_HEADERS, "cache-control": "no-store, no-transform" };

/** How long browsers wait before they reconnect. */
const RETRY_MS = 1_000;

export interface EventStreamInit {
  readonly viewer: Viewer;
  readonly signal: AbortSignal;
  /** A client that reads nothing for this long is disconnected. */
  readonly stalledMs: number;
  readonly onClose: () => void;
}

/**
 * Streams a viewer's events. The next one is requested when the client has read the previous one, so that at most one
 * is buffered for a slow client.
 */
export function eventStream({ viewer, signal, stalledMs, onClose }: EventStreamInit): Response {
  const bytesOf = new TextEncoder();
  let stalled: NodeJS.Timeout | undefined;
  let isOver = false;
  const close = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(stalled);
    signal.removeEventListener("abort", close);
    viewer.leave();
    onClose();
  };
  const watchStall = (controller: ReadableStreamDefaultController) => {
    stalled = setTimeout(() => {
      close();
      controller.error(new Error("The client read nothing for too long."));
    }, stalledMs);
    stalled.unref();
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytesOf.encode(`retry: ${RETRY_MS}\n\n`));
      watchStall(controller);
    },
    async pull(controller) {
      clearTimeout(stalled);
      const text = await viewer.next().catch(() => null);
      if (isOver || text === null) {
        close();
        controller.close();
        return;
      }
      controller.enqueue(bytesOf.encode(text === "" ? ": here\n\n" : text));
      watchStall(controller);
    },
    cancel: close,
  });
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  return new Response(body, { headers: HEADERS });
}
