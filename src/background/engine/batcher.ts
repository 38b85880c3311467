/** What becomes of an item when its batch was answered or failed, for a caller whose promise is all there is. */
export interface Conclusion<Item, Answer, Result> {
  /** What the caller gets; what it throws is a rejection. */
  result(item: Item, answer: Answer): Result;
  error(item: Item, error: unknown): unknown;
}

/** Items that one call carries. */
const MAX_BATCH = 1_000;

/**
 * Makes batches of single calls: one batch is under way at a time, and what gathers meanwhile goes out as the next.
 * An idle batcher sends at the end of the running turn; a busy one makes hundreds of calls share a round trip.
 */
export class Batcher<Item, Answer, Result = Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #conclusion: Conclusion<Item, Answer, Result> | undefined;
  /** Those that wait to be sent, the last of them with room left. */
  #waiting: Batch<Item, Answer>[] = [];
  #sending: Promise<void> | undefined;

  constructor(
    send: (items: readonly Item[]) => Promise<readonly Answer[]>,
    conclusion?: Conclusion<Item, Answer, Result>,
  ) {
    this.#send = send;
    this.#conclusion = conclusion;
  }

  get isIdle(): boolean {
    return this.#sending === undefined;
  }

  /** Resolves once all that was added has been answered. */
  async drained(): Promise<void> {
    await this.#sending;
  }

  /** Sends the item with the next batch; rejects when that batch does. */
  add(item: Item): Promise<Result> {
    let batch = this.#waiting.at(-1);
    if (batch === undefined || batch.items.length >= MAX_BATCH) {
      batch = new Batch();
      this.#waiting.push(batch);
    }
    const place = batch.items.push(item) - 1;
    this.#sending ??= this.#run();
    // One reaction a call is cheaper than a promise of its own with what resolves it.
    return batch.ended.then(({ answers, error }) => {
      if (answers === null) throw this.#conclusion?.error(item, error) ?? error;
      return this.#resultOf(item, answers[place] as Answer);
    });
  }

  async #run(): Promise<void> {
    // Whatever else is called in this turn still comes along.
    await null;
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      try {
        batch.end({ answers: await this.#send(batch.items), error: null });
      } catch (error) {
        batch.end({ answers: null, error });
      }
    }
    this.#sending = undefined;
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
  readonly items: Item[] = [];
  readonly ended: Promise<End<Answer>>;
  readonly end: (end: End<Answer>) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<End<Answer>>();
    this.ended = promise;
    this.end = resolve;
  }
}
