import { CallBudget } from "../core/call-budget.ts";
import { isStoreAway } from "./outage.ts";
import { Spacing } from "./spacing.ts";

/** Turns the answer or failure of a batch into what the caller of `add` gets, without a promise of its own. */
export interface Conclusion<Item, Answer, Result> {
  /** What the caller's promise resolves with; if this throws, the promise rejects. */
  result(item: Item, answer: Answer): Result;
  error(item: Item, error: unknown): unknown;
}

export interface BatcherOptions<Item, Answer, Result> {
  readonly conclusion?: Conclusion<Item, Answer, Result>;
  /** Batches in flight at a time; default 1. */
  readonly senders?: 1 | 2;
  /** The size of an item within a call; default negligible. */
  readonly bytesOf?: (item: Item) => number;
}

/** Most items that one call carries. */
const MAX_BATCH = 1_000;
/** Fewest items that justify a second sender: below that, another call costs more than it saves. */
const MIN_HALF = 32;
/** Batches that have waited for longer fail with one that could not reach the store, so that callers learn it in time. */
const OLD_BATCH_MS = 500;

/**
 * Batches single calls: items added while a batch is in flight form the next one. An idle batcher sends at the end of the
 * current turn; a busy one lets hundreds of calls share a round trip. With two senders each takes half of the items, so
 * that one batch is served while the other is being made.
 */
export class Batcher<Item, Answer, Result = Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #conclusion: Conclusion<Item, Answer, Result> | undefined;
  readonly #maxSenders: number;
  readonly #bytesOf: (item: Item) => number;
  /** Batches waiting to be sent; only the last one has room left. */
  #waiting: Batch<Item, Answer>[] = [];
  /** Items that have not been answered. */
  #items = 0;
  #senders = 0;
  /** Whether a sender is about to take the first batch. */
  #isBeginning = false;
  readonly #spacing = new Spacing();
  /** Whether there was work for two senders when the latest answer came: callers just answered may call again. */
  #isCrowded = false;
  /** Pending while anything is waiting or in flight. */
  #busy: PromiseWithResolvers<void> | undefined;

  constructor(
    send: (items: readonly Item[]) => Promise<readonly Answer[]>,
    { conclusion, senders = 1, bytesOf = () => 0 }: BatcherOptions<Item, Answer, Result> = {},
  ) {
    this.#send = send;
    this.#conclusion = conclusion;
    this.#maxSenders = senders;
    this.#bytesOf = bytesOf;
  }

  get isIdle(): boolean {
    return this.#busy === undefined;
  }

  /** Resolves once all that was added has been answered. */
  async drained(): Promise<void> {
    await this.#busy?.promise;
  }

  /** Sends the item with the next batch; rejects when that batch does. */
  add(item: Item): Promise<Result> {
    this.#items++;
    const bytes = this.#bytesOf(item);
    let batch = this.#waiting.at(-1);
    if (batch === undefined || batch.items.length >= this.#batchSize || !batch.budget.take(bytes)) {
      batch = new Batch();
      // The time is not read for a batch that goes out at once, as most of an idle batcher's do.
      if (this.#senders > 0) batch.since = performance.now();
      batch.budget.take(bytes);
      this.#waiting.push(batch);
    }
    const place = batch.items.push(item) - 1;
    this.#begin();
    // One reaction per call is cheaper than a promise per call with its resolvers.
    return batch.ended.then(({ answers, error }) => {
      if (answers === null) throw this.#conclusion?.error(item, error) ?? error;
      return this.#resultOf(item, answers[place] as Answer);
    });
  }

  get #batchSize(): number {
    if (this.#maxSenders === 1) return MAX_BATCH;
    return Math.min(MAX_BATCH, Math.max(MIN_HALF, Math.ceil(this.#items / 2)));
  }

  /** Whether there is work for two senders. */
  get #isForTwo(): boolean {
    return this.#maxSenders > 1 && this.#items > MIN_HALF;
  }

  #begin(): void {
    if (this.#isBeginning || this.#senders === this.#maxSenders || this.#waiting.length === 0) return;
    this.#isBeginning = true;
    this.#senders++;
    this.#busy ??= Promise.withResolvers();
    void this.#sendNext();
  }

  async #sendNext(): Promise<void> {
    // Calls made later in this turn join the batch.
    await null;
    if (this.#isCrowded || this.#isForTwo) await this.#spacing.next();
    this.#isBeginning = false;
    const batch = this.#waiting.shift();
    // All that waited may have failed meanwhile, with a batch that was in flight.
    if (batch !== undefined) {
      this.#begin();
      const end = await this.#endOf(batch.items);
      this.#isCrowded = this.#isForTwo;
      this.#end(batch, end);
      if (isStoreAway(end.error)) this.#failOld(end);
    }
    this.#senders--;
    this.#begin();
    if (this.#senders > 0) return;
    this.#busy?.resolve();
    this.#busy = undefined;
  }

  #end(batch: Batch<Item, Answer>, end: End<Answer>): void {
    this.#items -= batch.items.length;
    batch.end(end);
  }

  /** Fails old batches together: one after another, each would take as long as the store takes to fail. */
  #failOld(end: End<Answer>): void {
    const old = performance.now() - OLD_BATCH_MS;
    const isOld = ({ since }: Batch<Item, Answer>) => since <= old;
    for (const batch of this.#waiting.filter(isOld)) this.#end(batch, end);
    this.#waiting = this.#waiting.filter((batch) => !isOld(batch));
  }

  async #endOf(items: readonly Item[]): Promise<End<Answer>> {
    try {
      return { answers: await this.#send(items), error: null };
    } catch (error) {
      return { answers: null, error };
    }
  }

  #resultOf(item: Item, answer: Answer): Result {
    return this.#conclusion === undefined ? (answer as unknown as Result) : this.#conclusion.result(item, answer);
  }
}

/** How a batch ended. Not a rejection, which would need a second reaction per call. */
interface End<Answer> {
  readonly answers: readonly Answer[] | null;
  readonly error: unknown;
}

class Batch<Item, Answer> {
  /** When it began to wait for a batch in flight. */
  since: number = Number.POSITIVE_INFINITY;
  readonly items: Item[] = [];
  readonly budget = new CallBudget();
  readonly ended: Promise<End<Answer>>;
  readonly end: (end: End<Answer>) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<End<Answer>>();
    this.ended = promise;
    this.end = resolve;
  }
}
