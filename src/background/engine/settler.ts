import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import type { SettleAnswer, Settlement, Store } from "../core/store.ts";
import { defer } from "./defer.ts";
import type { Outage } from "./outage.ts";
import { patchBytes, portionEnd } from "./portion.ts";
import { RetryDelay } from "./retry-delay.ts";
import { MIN_FOR_SECOND_CALL } from "./spacing.ts";

/** The end of an attempt, until the store has recorded it. */
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

/** Most settlements that one call carries. */
const MAX_BATCH = 1_000;

/**
 * Sends settlements to the store until each has been answered. Attempts that end while a batch is in flight form the next
 * one. A remote store gets two batches at a time, since the second uses the time for which the first one travels. A batch
 * that failed is sent again, so that no ended attempt is forgotten.
 */
export class Settler {
  readonly #init: SettlerInit;
  #waiting: Ending[] = [];
  #senders = 0;
  /** Halved by each failure: a settlement that the store cannot accept must not hold up the others. */
  #batchSize = MAX_BATCH;
  readonly #retryDelay = new RetryDelay();
  /** Ends the pause after a failure. */
  #wake: (() => void) | undefined;

  constructor(init: SettlerInit) {
    this.#init = init;
  }

  /** Whether it is sending or about to; `false` while it pauses after a failure. */
  get isBusy(): boolean {
    return this.#senders > 0 && this.#wake === undefined;
  }

  settle(ending: Ending): void {
    this.#waiting.push(ending);
    const isWorthIt = this.#senders === 0 || this.#waiting.length >= MIN_FOR_SECOND_CALL;
    if (isWorthIt && this.#senders < this.#maxSenders) this.#begin();
  }

  #begin(): void {
    this.#senders++;
    // By then, other attempts that end in this turn have joined, and the next claim goes out beside it.
    defer(this.#init.store, () => void this.#send());
  }

  /** Ends a pause after a failure, to try again now, and after short pauses again. */
  hurry(): void {
    this.#retryDelay.reset();
    this.#wake?.();
  }

  /** After a failure, a single sender finds out how much the store accepts. */
  get #maxSenders(): number {
    return this.#init.store.isRemote && this.#batchSize === MAX_BATCH ? 2 : 1;
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0 && this.#senders <= this.#maxSenders) {
      const batch = this.#waiting.splice(0, portionEnd(this.#waiting, 0, this.#batchSize, bytesOf));
      try {
        const answers = await this.#init.store.settle(batch.map((ending) => ending.settlement));
        this.#retryDelay.reset();
        this.#init.outage.passed("settle");
        this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2);
        for (let index = 0; index < batch.length; index++)
          (batch[index] as Ending).answered(answers[index] as SettleAnswer);
      } catch (error) {
        if (error instanceof JobError && error.code === "queue_closed") {
          // Closed for good: these jobs are recovered by their leases.
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
      const cancel = this.#init.clock.after(this.#retryDelay.next(this.#init.random()), wake);
      this.#wake = wake;
    });
  }
}

function bytesOf({ settlement: { result, failure, patch } }: Ending): number {
  let bytes = result === null ? 0 : result.length;
  if (failure !== null) bytes += failure.message.length + (failure.stack ?? "").length;
  return bytes + patchBytes(patch);
}
