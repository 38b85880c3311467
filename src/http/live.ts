import type { FinishedJobs, JobQueue } from "../background/engine/queue.ts";
import { Subscription } from "../background/engine/subscription.ts";
import { systemClock } from "../background/engine/system-clock.ts";
import { eventStream } from "./event-stream.ts";
import { Feed } from "./feed.ts";
import { HttpError } from "./http-error.ts";
import { JobSource } from "./job-source.ts";
import { QueueSource } from "./queue-source.ts";
import type { Redact } from "./redaction.ts";
import { whenClosed } from "./when-closed.ts";

export interface LiveInit {
  readonly queue: JobQueue;
  readonly redact: Redact | undefined;
  /** Maximum number of concurrent streams. */
  readonly viewers: number;
  /** Called when the queue is closed while anything is being watched. */
  readonly onClosed: () => void;
  readonly onError: (error: unknown) => void;
}

/** How often a feed polls, even without signals: updates are to be visible within a second. */
const POLL_INTERVAL_MS = 500;
/** How often something is sent on an idle stream, so that proxies keep the connection open. */
const KEEP_ALIVE_MS = 15_000;
const STALLED_MS = 60_000;

/** All live streams of an API: a feed of the queue, and one for each job being watched, shared by their viewers. */
export class Live {
  readonly #init: LiveInit;
  readonly #feeds = new Map<string, Feed>();
  readonly #finishedListeners = new Set<(finished: FinishedJobs) => void>();
  #queueSource: QueueSource | undefined;
  #streams = 0;
  #isClosed = false;
  /** Signals of finished jobs. They make updates faster than polling, which works without them too. */
  readonly #subscription: Subscription;
  #stopAwaitingClose: (() => void) | undefined;

  constructor(init: LiveInit) {
    this.#init = init;
    this.#subscription = new Subscription(systemClock, () =>
      init.queue.watchFinished((finished) => this.#finished(finished)),
    );
  }

  /** @throws HttpError 503 when there are too many streams; what reading the queue throws */
  ofQueue(request: Request): Promise<Response> {
    return this.#stream("", request, () => {
      this.#queueSource = new QueueSource(this.#init.queue);
      return this.#queueSource;
    });
  }

  /** @throws HttpError 404, 503; what reading the queue throws */
  ofJob(jobId: string, request: Request): Promise<Response> {
    const { queue, redact } = this.#init;
    return this.#stream(jobId, request, () => new JobSource(queue, jobId, redact));
  }

  /** Calls `listener` with finished jobs, if the store signals them. Resolves with the function that removes it. */
  async onFinished(listener: (finished: FinishedJobs) => void): Promise<() => void> {
    this.#finishedListeners.add(listener);
    await this.#watch();
    return () => {
      this.#finishedListeners.delete(listener);
      this.#unwatchIfIdle();
    };
  }

  /** Ends the streams that are open. */
  endStreams(): void {
    for (const feed of [...this.#feeds.values()]) feed.end();
  }

  /** Ends all streams and refuses new ones: a browser would reconnect at once, and its connection hold the server open. */
  close(): void {
    this.#isClosed = true;
    this.endStreams();
  }

  async #stream(key: string, request: Request, source: () => QueueSource | JobSource): Promise<Response> {
    if (this.#isClosed) throw new HttpError(503, "closed", "No live streams can be opened: the API was closed.");
    if (this.#streams >= this.#init.viewers) {
      throw new HttpError(503, "too_many_viewers", "Too many live streams are open: close one, or try again later.", {
        "retry-after": "5",
      });
    }
    // Counted before awaiting, so that concurrent requests cannot exceed the limit.
    this.#streams++;
    const onClose = () => void this.#streams--;
    try {
      const viewer = await this.#feedOf(key, source).view(request.headers.get("last-event-id"), KEEP_ALIVE_MS);
      return eventStream({ viewer, signal: request.signal, stalledMs: STALLED_MS, onClose });
    } catch (error) {
      onClose();
      const feed = this.#feeds.get(key);
      // Without this, the feed of a job that does not exist would go on polling for a while.
      if (feed?.viewers === 0 && error instanceof HttpError) feed.end();
      throw error;
    }
  }

  #feedOf(key: string, source: () => QueueSource | JobSource): Feed {
    const known = this.#feeds.get(key);
    if (known !== undefined) return known;
    this.#makeRoom();
    const feed = new Feed({
      source: source(),
      everyMs: POLL_INTERVAL_MS,
      onError: this.#init.onError,
      onEnd: () => {
        this.#feeds.delete(key);
        if (key === "") this.#queueSource = undefined;
        this.#unwatchIfIdle();
      },
    });
    this.#feeds.set(key, feed);
    void this.#watch();
    return feed;
  }

  /** Limits the number of feeds that linger without viewers. */
  #makeRoom(): void {
    if (this.#feeds.size < this.#init.viewers) return;
    [...this.#feeds.values()].find(({ viewers }) => viewers === 0)?.end();
  }

  async #watch(): Promise<void> {
    this.#stopAwaitingClose ??= whenClosed(this.#init.queue, this.#init.onClosed);
    await this.#subscription.need().catch(() => {});
  }

  #unwatchIfIdle(): void {
    if (this.#feeds.size > 0 || this.#finishedListeners.size > 0) return;
    this.#subscription.end();
    this.#stopAwaitingClose?.();
    this.#stopAwaitingClose = undefined;
  }

  #finished(finished: FinishedJobs): void {
    for (const listener of this.#finishedListeners) listener(finished);
    this.#queueSource?.finished(finished);
    // Hints all feeds: an early poll costs less than comparing each finished job with the feeds.
    for (const feed of this.#feeds.values()) feed.hint();
  }
}
