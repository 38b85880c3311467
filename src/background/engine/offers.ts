/**
 * The tokens under which a store may hand a job over to a worker that waits, which saves the way to ask for it. Such a job
 * may come twice, with a signal and with the next claim's answer: whoever takes its token first begins it.
 */
export class Offers {
  /** When the claim that made each was sent: before that no lease under it began. */
  readonly #madeAt = new Map<string, number>();
  #standing: string | null = null;

  /** That of the latest claim, unless a job came of it. */
  get standing(): string | null {
    return this.#standing;
  }

  /** For a claim that is about to be sent, which makes this offer, or none, and ends the one before. */
  make(offer: string | null, now: number): void {
    this.#standing = offer;
    if (offer !== null) this.#madeAt.set(offer, now);
  }

  /** A job came under this token: when it was offered, the first time; `undefined` for any other. */
  take(token: string): number | undefined {
    const madeAt = this.#madeAt.get(token);
    this.#madeAt.delete(token);
    if (this.#standing === token) this.#standing = null;
    return madeAt;
  }

  /** A claim that was sent then was answered: offers from before it are over, and what came of them was told. */
  forgetBefore(sentAt: number): void {
    for (const [token, madeAt] of this.#madeAt) if (madeAt < sentAt) this.#madeAt.delete(token);
  }
}
