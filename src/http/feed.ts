import { EventRing } from "./event-ring.ts";
import { noSuchJob } from "./http-error.ts";

/** What a feed watches. */
export interface Source {
  /**
   * Looks, tells what has changed since the look before, and resolves with all there is to know now, for one who comes anew;
   * with `null` when there is nothing, or nothing any more. Rejects when that cannot be known.
   */
  look(tell: (event: string, data: unknown) => void): Promise<unknown>;
}

export interface FeedInit {
  readonly source: Source;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** The last viewer has been gone for long enough. */
  readonly onEnd: () => void;
  readonly onError: (error: unknown) => void;
}

/** For how long a feed goes on without viewers, so that one who comes back misses nothing. */
const LINGER_MS = 15_000;
/** How soon after a look that something asked for the next may follow. */
const SOONEST_MS = 200;

/** What a look saw, and the event after which that was so: what comes later is told to nobody twice. */
interface Snapshot {
  readonly all: unknown;
  readonly place: number;
}

/** One who looks at a feed. */
export interface Viewer {
  /** What is new, once there is something; an empty text after a while in which nothing was, `null` at the end. */
  next(): Promise<string | null>;
  leave(): void;
}

/**
 * Looks at a source while somebody looks at the feed, once for all of them, and keeps what changed in a ring. A viewer is
 * a place in that ring: one that is slow costs nothing, and one that falls behind gets a snapshot.
 */
export class Feed {
  readonly #init: FeedInit;
  readonly #ring = new EventRing();
  readonly #waiting = new Set<() => void>();
  #viewers = 0;
  #isEnded = false;
  /** The source could not be asked the last time. */
  #isAway = false;
  #looking: Promise<Snapshot> | undefined;
  #lookedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;

  constructor(init: FeedInit) {
    this.#init = init;
  }

  get viewers(): number {
    return this.#viewers;
  }

  /**
   * Begins to look, after the last event that the viewer has seen or with a snapshot.
   *
   * @param idleMs for how long `next` waits at most
   * @throws HttpError 404 when there is nothing to see; whatever the source's look rejects with
   */
  async view(lastEventId: string | null, idleMs: number): Promise<Viewer> {
    this.#viewers++;
    clearTimeout(this.#endTimer);
    let place = this.#ring.numberOf(lastEventId);
    let first: string | null = null;
    const leave = once(() => this.#leave());
    try {
      if (place === null) ({ text: first, place } = await this.#snapshot());
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
        if (this.#ring.last === place && !this.#isEnded) await this.#change(idleMs);
        const news = this.#ring.after(place as number);
        if (news !== null) {
          if (news.text === "" && this.#isEnded) return null;
          place = news.last;
          return news.text;
        }
        // It was too slow: what it missed is gone, so it begins anew.
        const { text, place: now } = await this.#snapshot();
        place = now;
        return text;
      },
    };
  }

  /** Something may have changed. */
  hint(): void {
    if (this.#viewers > 0) this.#schedule(Math.max(0, this.#lookedAt + SOONEST_MS - performance.now()));
  }

  /** Sends all viewers away. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#endTimer);
    this.#wake();
    this.#init.onEnd();
  }

  async #snapshot(): Promise<{ readonly text: string; readonly place: number }> {
    const { all, place } = await this.#look();
    if (all === null) throw noSuchJob();
    return { place, text: this.#ring.encode("snapshot", all, place) };
  }

  /** Resolves at the next event, at the end, or when the time is over. */
  #change(idleMs: number): Promise<void> {
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
    // What it fails with has been told.
    this.#timer = setTimeout(() => void this.#look().catch(() => {}), inMs);
    this.#timer.unref();
  }

  #look(): Promise<Snapshot> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
      this.#lookedAt = performance.now();
      this.#schedule(this.#init.everyMs);
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<Snapshot> {
    const { source, onError } = this.#init;
    const before = this.#ring.last;
    try {
      const all = await source.look((event, data) => this.#ring.push(event, data));
      if (this.#isAway && all !== null) this.#ring.push("snapshot", all);
      this.#isAway = false;
      return { all, place: this.#ring.last };
    } catch (error) {
      if (!this.#isAway) {
        this.#ring.push("unavailable", { message: "The queue cannot be reached now. This goes on when it can." });
        onError(error);
      }
      this.#isAway = true;
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
