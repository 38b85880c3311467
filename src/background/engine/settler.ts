import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import type { SettleAnswer, Settlement, Store } from "../core/store.ts";
import { Patience } from "./patience.ts";

interface Pending {
  readonly settlement: Settlement;
  readonly onAnswer: (answer: SettleAnswer) => void;
}

export interface SettlerInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

/** Settlements that one call carries. */
const MAX_BATCH = 1_000;

/**
 * Brings settlements to the store until it has answered each. One batch is under way at a time, and what ends
 * meanwhile goes out as the next; what the store refused is sent again, so that an ended attempt is never forgotten.
 */
export class Settler {
  readonly #init: SettlerInit;
  #waiting: Pending[] = [];
  #underWay = 0;
  #isSending = false;
  /** Halved by each failure: one settlement that a store cannot take must not hold up the others. */
  #batchSize = MAX_BATCH;
  readonly #patience = new Patience();
  #wake: (() => void) | undefined;

  constructor(init: SettlerInit) {
    this.#init = init;
  }

  /** Settlements that the store has not answered yet. */
  get size(): number {
    return this.#waiting.length + this.#underWay;
  }

  /** Whether it is about to send or sending; `false` too while it waits for a store that failed. */
  get isBusy(): boolean {
    return this.#isSending && this.#wake === undefined;
  }

  settle(settlement: Settlement, onAnswer: Pending["onAnswer"]): void {
    this.#waiting.push({ settlement, onAnswer });
    if (this.#isSending) return;
    this.#isSending = true;
    // By then, whatever else ended in this turn is there too, and the next claim goes out beside it.
    setImmediate(() => this.#run());
  }

  /** Tries again now, if it is waiting to. */
  hurry(): void {
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#batchSize);
      this.#underWay = batch.length;
      try {
        const answers = await this.#init.store.settle(batch.map((pending) => pending.settlement));
        this.#underWay = 0;
        this.#patience.reset();
        this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2);
        for (let index = 0; index < batch.length; index++)
          (batch[index] as Pending).onAnswer(answers[index] as SettleAnswer);
      } catch (error) {
        this.#underWay = 0;
        if (error instanceof JobError && error.code === "queue_closed") {
          // For good: whoever has the store next finds these by their leases.
          this.#waiting = [];
          break;
        }
        this.#batchSize = Math.max(1, batch.length >> 1);
        if (batch.length === 1) this.#waiting.push(...batch);
        else this.#waiting.unshift(...batch);
        this.#init.onError(error);
        await this.#pause();
      }
    }
    this.#isSending = false;
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
