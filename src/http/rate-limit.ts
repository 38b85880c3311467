/** A rate limit of one client. */
export interface Rate {
  /** Sustained requests per second. */
  readonly perSecond: number;
  /** Most requests at once, after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Most clients that are remembered; the least recently seen is forgotten first, and gets a full bucket again. */
const MAX_CLIENTS = 1_000;

/** A token bucket for each client. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes a token. Returns 0 on success, else the seconds until there will be one. */
  take(client: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#now();
    const known = this.#buckets.get(client);
    const filled = known === undefined ? burst : known.tokens + ((now - known.filledAt) / 1_000) * perSecond;
    const tokens = Math.min(burst, filled);
    // Moves it to the end: a Map iterates in insertion order.
    this.#buckets.delete(client);
    const isTaken = tokens >= 1;
    this.#buckets.set(client, { tokens: isTaken ? tokens - 1 : tokens, filledAt: now });
    if (this.#buckets.size > MAX_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return isTaken ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }

  /** Returns a token that was taken. */
  refund(client: string): void {
    const bucket = this.#buckets.get(client);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + 1);
  }
}
