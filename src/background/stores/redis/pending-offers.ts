import type { ClaimRequest } from "../../core/store.ts";
import type { UnansweredClaim } from "./unanswered.ts";

interface Made extends UnansweredClaim {
  isDelivered: boolean;
  isGivenUp: boolean;
}

/** How many offers are remembered, the latest ones: at most one is valid and one in flight, and the others are given up. */
const MAX_OFFERS = 20;

/**
 * The offers of this process. The job for an offer arrives by a message, or with the answer to the claim that withdraws it. If
 * neither arrives, the offer is given up: a job that it received is handed back, and its message, if late, is ignored.
 */
export class PendingOffers {
  readonly #made = new Map<string, Made>();

  /** Call before sending a claim that makes an offer. */
  make({ offer, leaseMs }: Pick<ClaimRequest, "offer" | "leaseMs">, sentAt: number): void {
    if (offer == null) return;
    this.#made.set(offer, { token: offer, leaseMs, sentAt, isDelivered: false, isGivenUp: false });
    if (this.#made.size > MAX_OFFERS) this.#made.delete(this.#made.keys().next().value as string);
  }

  /** Whether the offer is remembered: none that an answered claim has withdrawn is. */
  has(token: string): boolean {
    return this.#made.has(token);
  }

  /** Call when a message delivers the offer's job. Returns whether the worker may have it. */
  delivered(token: string): boolean {
    const offer = this.#made.get(token);
    if (offer !== undefined) offer.isDelivered = true;
    return offer?.isGivenUp !== true;
  }

  /** Call when a claim that withdraws the offer was answered, or the one that makes it failed. */
  end(token: string | null | undefined): void {
    if (token != null && this.#made.get(token)?.isGivenUp === false) this.#made.delete(token);
  }

  /** Call when such a claim got no answer. Returns the offer if its job has to be looked for, as no message came either. */
  giveUp(token: string | null | undefined): UnansweredClaim | undefined {
    const offer = token == null ? undefined : this.#made.get(token);
    if (offer === undefined || offer.isGivenUp || offer.isDelivered) return undefined;
    offer.isGivenUp = true;
    return offer;
  }
}
