import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import type { SettleAnswer, Settlement, Store } from "../core/store.ts";
import type { Outage } from "./outage.ts";
import { Patience } from "./patience.ts";
import { patchBytes, portionEnd } from "./portion.ts";
import { soon } from "./soon.ts";
import { WORTH_A_SECOND } from "./spacing.ts";

/** An attempt that is over, until the store knows. */
export interface Ending {
  readonly settlement: Settlement;
  answered(answer: SettleAnswer): void;
}

export interface SettlerInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly outage: Outage;
}

/** Settlements that one call carries. */
const MAX_BATCH = 1_000;

/**
 * Brings settlements to the store until it has answered each. What ends while a batch is under way goes out as the next;
 * with a network between, two are under way, since the second fills the time in which the first one travels. What the
 * store refused is sent again, so that an ended attempt is never forgotten.
 */
export class Settler {
  readonly #init: SettlerInit;
  #waiting: Ending[] = [];
  #senders = 0;
  /** A sender that begins with the next turn. */
  #isBeginning = false;
  /** Halved by each failure: one settlement that a store cannot take must not hold up the others. */
  #batchSize = MAX_BATCH;
  readonly #patience = new Patience();
  /** Ends the pause after a failure. */
  #wake: (() => void) | undefined;

  constructor(init: SettlerInit) {
    this.#init = init;
  }

  /** Whether it is about to send or sending; `false` too while it waits for a store that failed. */
  get isBusy(): boolean {
    return this.#senders > (this.#wake === undefined ? 0 : 1);
  }

  settle(ending: Ending): void {
    this.#waiting.push(ending);
    const isWorthIt = this.#senders === 0 || this.#waiting.length >= WORTH_A_SECOND;
    if (isWorthIt && !this.#isBeginning && this.#senders < this.#mostSenders) this.#begin();
  }

  #begin(): void {
    this.#senders++;
    this.#isBeginning = true;
    // By then, whatever else ended in this turn is there too, and the next claim goes out beside it.
    soon(this.#init.store, () => {
      this.#isBeginning = false;
      void this.#send();
    });
  }

  /** Tries again now, if it is waiting to. */
  hurry(): void {
    this.#wake?.();
  }

  /** After a failure one alone finds out what the store can take. */
  get #mostSenders(): number {
    return this.#init.store.isRemote && this.#batchSize === MAX_BATCH ? 2 : 1;
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0 && this.#senders <= this.#mostSenders) {
      const batch = this.#waiting.splice(0, portionEnd(this.#waiting, 0, this.#batchSize, bytesOf));
      try {
        const answers = await this.#init.store.settle(batch.map((ending) => ending.settlement));
        this.#patience.reset();
        this.#init.outage.passed("settle");
        this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2);
        for (let index = 0; index < batch.length; index++)
          (batch[index] as Ending).answered(answers[index] as SettleAnswer);
      } catch (error) {
        if (error instanceof JobError && error.code === "queue_closed") {
          // For good: whoever has the store next finds these by their leases.
          this.#waiting = [];
          break;
        }
        this.#batchSize = Math.max(1, batch.length >> 1);
        if (batch.length === 1) this.#waiting.push(...batch);
        else this.#waiting.unshift(...batch);
        this.#init.outage.failed("settle", error);
        if (this.#senders === 1) await this.#pause();
      }
    }
    this.#senders--;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#wake = undefined;
        resolve();
      };
      const cancel = this.#init.clock.after(this.#patience.next(this.#init.random()), wake);
      this.#wake = wake;
    });
  }
}

function bytesOf({ settlement: { result, failure, patch } }: Ending): number {
  let bytes = result === null ? 0 : result.length;
  if (failure !== null) bytes += failure.message.length + (failure.stack ?? "").length;
  return bytes + patchBytes(patch);
}
