import { Meanwhile } from "./meanwhile.ts";

interface Offer {
  /** When the claim that made it was sent: before that no lease under it began. */
  readonly madeAt: number;
  /** What was heard of jobs since, of which one may come of it. */
  readonly meanwhile: Meanwhile;
}

/** Offers that are remembered, the latest: one stands, and one is under way; while a store is away, no answer ends any. */
const MOST = 4;

/**
 * The tokens under which a store may hand a job over to a worker that waits, which saves the way to ask for it. Such a job
 * may come twice, with a signal and with the next claim's answer: whoever takes its token first begins it.
 */
export class Offers {
  readonly #byToken = new Map<string, Offer>();
  #standing: string | null = null;

  /** That of the latest claim, unless a job came of it. */
  get standing(): string | null {
    return this.#standing;
  }

  /** For a claim that is about to be sent, which makes this offer, or none, and ends the one before. */
  make(offer: string | null, now: number): void {
    this.#standing = offer;
    if (offer === null) return;
    this.#byToken.set(offer, { madeAt: now, meanwhile: new Meanwhile() });
    if (this.#byToken.size > MOST) this.#byToken.delete(this.#byToken.keys().next().value as string);
  }

  /** A job came under this token: the offer that was taken, the first time; `undefined` for any other. */
  take(token: string): Offer | undefined {
    const offer = this.#byToken.get(token);
    this.#byToken.delete(token);
    if (this.#standing === token) this.#standing = null;
    return offer;
  }

  /** This process cancelled a job, of which it may hear yet that it was handed over. */
  cancelled(jobId: string): void {
    for (const { meanwhile } of this.#byToken.values()) meanwhile.cancelled(jobId);
  }

  /** A claim that was sent then was answered: offers from before it are over, and what came of them was told. */
  forgetBefore(sentAt: number): void {
    for (const [token, { madeAt }] of this.#byToken) if (madeAt < sentAt) this.#byToken.delete(token);
  }
}
