interface Call<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

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
  #items: Item[] = [];
  #calls: Call<Result>[] = [];
  readonly #conclusion: Conclusion<Item, Answer, Result> | undefined;
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
    return new Promise((resolve, reject) => {
      this.#items.push(item);
      this.#calls.push({ resolve, reject });
      this.#sending ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // Whatever else is called in this turn still comes along.
    await null;
    while (this.#items.length > 0) {
      const [items, calls] = this.#take();
      try {
        const answers = await this.#send(items);
        for (let index = 0; index < calls.length; index++) this.#answer(items, calls, index, answers[index] as Answer);
      } catch (error) {
        for (const [index, { reject }] of calls.entries()) {
          reject(this.#conclusion?.error(items[index] as Item, error) ?? error);
        }
      }
    }
    this.#sending = undefined;
  }

  #answer(items: readonly Item[], calls: readonly Call<Result>[], index: number, answer: Answer): void {
    const { resolve, reject } = calls[index] as Call<Result>;
    if (this.#conclusion === undefined) {
      resolve(answer as unknown as Result);
      return;
    }
    try {
      resolve(this.#conclusion.result(items[index] as Item, answer));
    } catch (error) {
      reject(error);
    }
  }

  #take(): [Item[], Call<Result>[]] {
    if (this.#items.length > MAX_BATCH) return [this.#items.splice(0, MAX_BATCH), this.#calls.splice(0, MAX_BATCH)];
    const batch: [Item[], Call<Result>[]] = [this.#items, this.#calls];
    this.#items = [];
    this.#calls = [];
    return batch;
  }
}
