import { EventRing } from "./event-ring.ts";
import { noSuchJob } from "./http-error.ts";

/** What a feed polls. */
export interface Source {
  /**
   * Emits events for the changes since the previous poll, and resolves with the current state, for new viewers, or with
   * `null` if what is watched does not exist. Rejects if the backend cannot be reached.
   */
  poll(emit: (event: string, data: unknown) => void): Promise<unknown>;
}

export interface FeedInit {
  readonly source: Source;
  /** Time between two polls. */
  readonly everyMs: number;
  /** Called when the feed ends, some time after its last viewer has left or by `end`. */
  readonly onEnd: () => void;
  readonly onError: (error: unknown) => void;
}

/** How long a feed continues without viewers, so that one who reconnects misses nothing. */
const LINGER_MS = 15_000;
/** Shortest time between a poll and the next one, if a hint asks for it. */
const MIN_INTERVAL_MS = 200;

/** A state, and the number of the last event that it includes, so that a viewer gets no later event twice. */
interface Snapshot {
  readonly state: unknown;
  readonly position: number;
}

/** A subscriber of a feed. */
export interface Viewer {
  /** Resolves with the text of new events; with an empty text if there are none for a while, with `null` at the end. */
  next(): Promise<string | null>;
  leave(): void;
}

/**
 * Polls a source while there are viewers, once for all of them, and keeps the events in a ring buffer. A viewer is a
 * position in that buffer, so that a slow one takes no memory; one that falls too far behind gets a snapshot.
 */
export class Feed {
  readonly #init: FeedInit;
  readonly #ring = new EventRing();
  readonly #waiting = new Set<() => void>();
  #viewers = 0;
  #isEnded = false;
  /** Whether the last poll failed. */
  #isUnavailable = false;
  #polling: Promise<Snapshot> | undefined;
  #polledAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;

  constructor(init: FeedInit) {
    this.#init = init;
  }

  get viewers(): number {
    return this.#viewers;
  }

  /**
   * Adds a viewer, which starts after the last event that it has seen, or else with a snapshot.
   *
   * @param idleMs how long `next` waits at most
   * @throws HttpError 404 when what is watched does not exist; whatever the source's poll rejects with
   */
  async view(lastEventId: string | null, idleMs: number): Promise<Viewer> {
    this.#viewers++;
    clearTimeout(this.#endTimer);
    let position = this.#ring.numberOf(lastEventId);
    let first: string | null = null;
    const leave = once(() => this.#leave());
    try {
      if (position === null) ({ text: first, position } = await this.#snapshot());
    } catch (error) {
      leave();
      throw error;
    }
    this.#schedule(this.#init.everyMs);
    return {
      leave,
      next: async () => {
        if (first !== null) {
          const text = first;
          first = null;
          return text;
        }
        if (this.#ring.last === position && !this.#isEnded) await this.#eventOrTimeout(idleMs);
        const news = this.#ring.after(position as number);
        if (news !== null) {
          if (news.text === "" && this.#isEnded) return null;
          position = news.last;
          return news.text;
        }
        // The viewer was too slow: events that it missed have been dropped, so it starts over.
        const snapshot = await this.#snapshot();
        position = snapshot.position;
        return snapshot.text;
      },
    };
  }

  /** Polls soon, since something may have changed. */
  hint(): void {
    if (this.#viewers > 0) this.#schedule(Math.max(0, this.#polledAt + MIN_INTERVAL_MS - performance.now()));
  }

  /** Ends the feed and the streams of its viewers. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#endTimer);
    this.#wake();
    this.#init.onEnd();
  }

  async #snapshot(): Promise<{ readonly text: string; readonly position: number }> {
    const { state, position } = await this.#poll();
    if (state === null) throw noSuchJob();
    return { position, text: this.#ring.encode("snapshot", state, position) };
  }

  /** Resolves at the next event, at the end, or after `idleMs`. */
  #eventOrTimeout(idleMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, idleMs);
      timer.unref();
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #leave(): void {
    this.#viewers--;
    if (this.#viewers > 0 || this.#isEnded) return;
    this.#endTimer = setTimeout(() => this.end(), LINGER_MS);
    this.#endTimer.unref();
  }

  #schedule(inMs: number): void {
    if (this.#isEnded) return;
    clearTimeout(this.#timer);
    // A failure has been reported by #pollOnce.
    this.#timer = setTimeout(() => void this.#poll().catch(() => {}), inMs);
    this.#timer.unref();
  }

  #poll(): Promise<Snapshot> {
    this.#polling ??= this.#pollOnce().finally(() => {
      this.#polling = undefined;
      this.#polledAt = performance.now();
      this.#schedule(this.#init.everyMs);
    });
    return this.#polling;
  }

  async #pollOnce(): Promise<Snapshot> {
    const { source, onError } = this.#init;
    const before = this.#ring.last;
    try {
      const state = await source.poll((event, data) => this.#ring.push(event, data));
      if (this.#isUnavailable && state !== null) this.#ring.push("snapshot", state);
      this.#isUnavailable = false;
      return { state, position: this.#ring.last };
    } catch (error) {
      // Once it has ended, a poll in flight may fail because the queue was closed.
      if (!this.#isUnavailable && !this.#isEnded) {
        this.#ring.push("unavailable", {
          message: "The queue cannot be reached now. The stream continues when it can.",
        });
        onError(error);
      }
      this.#isUnavailable = true;
      throw error;
    } finally {
      if (this.#ring.last !== before) this.#wake();
    }
  }
}

function once(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (isCalled) return;
    isCalled = true;
    call();
  };
}
