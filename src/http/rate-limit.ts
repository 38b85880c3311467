/** How many requests one client may send. */
export interface Rate {
  /** Requests per second in the long run. */
  readonly perSecond: number;
  /** Requests at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Clients that are remembered; beyond them the one that was silent longest is forgotten, and begins anew. */
const MAX_CLIENTS = 1_000;

/** A token bucket for each client: it fills at a rate, and each request takes one token from it. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes a token: 0 if there was one, else the seconds until there is one again. */
  take(client: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#now();
    const known = this.#buckets.get(client);
    const filled = known === undefined ? burst : known.tokens + ((now - known.filledAt) / 1_000) * perSecond;
    const tokens = Math.min(burst, filled);
    // Behind all others again: a Map keeps the order in which its keys came.
    this.#buckets.delete(client);
    const isTaken = tokens >= 1;
    this.#buckets.set(client, { tokens: isTaken ? tokens - 1 : tokens, filledAt: now });
    if (this.#buckets.size > MAX_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return isTaken ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }

  /** What was taken was not meant to be. */
  giveBack(client: string): void {
    const bucket = this.#buckets.get(client);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + 1);
  }
}
