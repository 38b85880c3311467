import type { ClaimRequest } from "../../core/store.ts";
import type { UnheardClaim } from "./unheard.ts";

interface Made extends UnheardClaim {
  isHeard: boolean;
}

/** Offers that are remembered, the latest: one stands, and one is under way. */
const MOST = 4;

/**
 * The offers of this process, of which a job may come by a message or with the answer to the claim that ends it. Where neither came
 * the offer is given up, and a message that is late is for nobody: what was handed over is handed back.
 */
export class OffersMade {
  readonly #made = new Map<string, Made>();

  /** A claim is about to be sent that makes one. */
  make({ offer, leaseMs }: Pick<ClaimRequest, "offer" | "leaseMs">, sentAt: number): void {
    if (offer == null) return;
    this.#made.set(offer, { token: offer, leaseMs, sentAt, isHeard: false });
    if (this.#made.size > MOST) this.#made.delete(this.#made.keys().next().value as string);
  }

  /** A message brought its job: whether that is for somebody. */
  heard(token: string): boolean {
    const offer = this.#made.get(token);
    if (offer !== undefined) offer.isHeard = true;
    return offer !== undefined;
  }

  /** A claim ended it, and was answered. */
  end(token: string | null | undefined): void {
    if (token != null) this.#made.delete(token);
  }

  /** A claim was to end it whose answer was never heard: what has to be looked for, if no message came either. */
  giveUp(token: string | null | undefined): UnheardClaim | undefined {
    const offer = token == null ? undefined : this.#made.get(token);
    this.end(token);
    return offer?.isHeard === false ? offer : undefined;
  }
}
