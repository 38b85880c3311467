import { CallBudget } from "../core/call-budget.ts";
import { isStoreAway } from "./outage.ts";
import { Spacing } from "./spacing.ts";

/** What becomes of an item when its batch was answered or failed, for a caller whose promise is all there is. */
export interface Conclusion<Item, Answer, Result> {
  /** What the caller gets; what it throws is a rejection. */
  result(item: Item, answer: Answer): Result;
  error(item: Item, error: unknown): unknown;
}

export interface BatcherOptions<Item, Answer, Result> {
  readonly conclusion?: Conclusion<Item, Answer, Result>;
  /** Batches that are under way at a time; default 1. */
  readonly senders?: 1 | 2;
  /** How much an item adds to its call; default nothing that matters. */
  readonly bytesOf?: (item: Item) => number;
}

/** Items that one call carries. */
const MAX_BATCH = 1_000;
/** Of two senders, each carries so many at least: below that a call of its own costs more than it saves. */
const MIN_HALF = 32;
/** What has waited for longer, in milliseconds, is not tried when the batch before it found no store: callers are told in time. */
const TRIED_WITHIN_MS = 500;

/**
 * Makes batches of single calls: what gathers while one is under way goes out as the next. An idle batcher sends at the end
 * of the running turn; a busy one makes hundreds of calls share a round trip. Of two senders each takes half of the items,
 * so that one batch is served while the other is made.
 */
export class Batcher<Item, Answer, Result = Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #conclusion: Conclusion<Item, Answer, Result> | undefined;
  readonly #mostSenders: number;
  readonly #bytesOf: (item: Item) => number;
  /** Those that wait to be sent, the last of them with room left. */
  #waiting: Batch<Item, Answer>[] = [];
  /** Items that have not been answered. */
  #items = 0;
  #senders = 0;
  /** A sender that takes the first batch in a moment. */
  #isBeginning = false;
  readonly #spacing = new Spacing();
  /** There was more than one sender carries when the latest answer came: whoever was answered may call again. */
  #isCrowded = false;
  /** While anything is under way. */
  #busy: PromiseWithResolvers<void> | undefined;

  constructor(
    send: (items: readonly Item[]) => Promise<readonly Answer[]>,
    { conclusion, senders = 1, bytesOf = () => 0 }: BatcherOptions<Item, Answer, Result> = {},
  ) {
    this.#send = send;
    this.#conclusion = conclusion;
    this.#mostSenders = senders;
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
      // What goes out at once waits for nobody, and is most of what an idle batcher sends.
      if (this.#senders > 0) batch.since = performance.now();
      batch.budget.take(bytes);
      this.#waiting.push(batch);
    }
    const place = batch.items.push(item) - 1;
    this.#begin();
    // One reaction a call is cheaper than a promise of its own with what resolves it.
    return batch.ended.then(({ answers, error }) => {
      if (answers === null) throw this.#conclusion?.error(item, error) ?? error;
      return this.#resultOf(item, answers[place] as Answer);
    });
  }

  get #batchSize(): number {
    if (this.#mostSenders === 1) return MAX_BATCH;
    return Math.min(MAX_BATCH, Math.max(MIN_HALF, Math.ceil(this.#items / 2)));
  }

  /** Whether there is more than one sender carries. */
  get #isForTwo(): boolean {
    return this.#mostSenders > 1 && this.#items > MIN_HALF;
  }

  #begin(): void {
    if (this.#isBeginning || this.#senders === this.#mostSenders || this.#waiting.length === 0) return;
    this.#isBeginning = true;
    this.#senders++;
    this.#busy ??= Promise.withResolvers();
    void this.#sendNext();
  }

  async #sendNext(): Promise<void> {
    // Whatever else is called in this turn still comes along.
    await null;
    if (this.#isCrowded || this.#isForTwo) await this.#spacing.next();
    this.#isBeginning = false;
    const batch = this.#waiting.shift();
    // All that waited may have failed meanwhile, with a batch that was under way.
    if (batch !== undefined) {
      this.#begin();
      const end = await this.#endOf(batch.items);
      this.#isCrowded = this.#isForTwo;
      this.#end(batch, end);
      if (end.answers === null && isStoreAway(end.error)) this.#endOld(end);
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

  /** Or each of them would fail as long after the one before it as the store takes to fail. */
  #endOld(end: End<Answer>): void {
    const old = performance.now() - TRIED_WITHIN_MS;
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

/** How a batch ended. Not a rejection, which would take a second reaction of each call. */
interface End<Answer> {
  readonly answers: readonly Answer[] | null;
  readonly error: unknown;
}

class Batch<Item, Answer> {
  /** When it began to wait for one that is under way. */
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
