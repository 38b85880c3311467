import { EarlyCancels } from "./early-cancels.ts";

interface Offer {
  /** When the claim that made it was sent: no lease under it begins earlier. */
  readonly madeAt: number;
  /** Cancellations heard of since, as one may concern the job that is handed over. */
  readonly cancels: EarlyCancels;
}

/** The newest offers to remember: one stands and one is in flight. */
const MAX_OFFERS = 4;

/**
 * The tokens under which a store may hand a job over to a waiting worker, which saves the round trip of a claim. Such a
 * job may arrive twice, with a signal and with the next claim's answer: the first to take its token begins it.
 */
export class Offers {
  readonly #byToken = new Map<string, Offer>();
  #standing: string | null = null;

  /** The offer of the latest claim that did not fail, unless a job has arrived under it. */
  get standing(): string | null {
    return this.#standing;
  }

  /** Records the offer, if any, of a claim that is about to be sent, which ends the previous one. */
  make(offer: string | null, now: number): void {
    this.#standing = offer;
    if (offer === null) return;
    this.#byToken.set(offer, { madeAt: now, cancels: new EarlyCancels() });
    if (this.#byToken.size > MAX_OFFERS) this.#byToken.delete(this.#byToken.keys().next().value as string);
  }

  /** Forgets the offer of a claim that failed; the previous one, which that claim should have withdrawn, stands again. */
  failed(offer: string | null, previous: string | null): void {
    if (offer !== null) this.#byToken.delete(offer);
    if (this.#standing === offer && previous !== null && this.#byToken.has(previous)) this.#standing = previous;
  }

  /** Takes the offer of a job that arrived under this token; `undefined` if it was taken before or is unknown. */
  take(token: string): Offer | undefined {
    const offer = this.#byToken.get(token);
    this.#byToken.delete(token);
    if (this.#standing === token) this.#standing = null;
    return offer;
  }

  /** Notes that this process cancelled a job, which may still arrive as handed over. */
  cancelled(jobId: string): void {
    for (const { cancels } of this.#byToken.values()) cancels.cancelled(jobId);
  }

  /** Forgets the offer that an answered claim has withdrawn: if it got a job, that has arrived. */
  end(offered: string | null): void {
    if (offered !== null) this.#byToken.delete(offered);
  }
}
