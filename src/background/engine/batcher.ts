interface Call<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Items that one call carries. */
const MAX_BATCH = 1_000;

/**
 * Makes batches of single calls: one batch is under way at a time, and what gathers meanwhile goes out as the next.
 * An idle batcher sends at the end of the running turn; a busy one makes hundreds of calls share a round trip.
 */
export class Batcher<Item, Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  #items: Item[] = [];
  #calls: Call<Answer>[] = [];
  #sending: Promise<void> | undefined;

  constructor(send: (items: readonly Item[]) => Promise<readonly Answer[]>) {
    this.#send = send;
  }

  get isIdle(): boolean {
    return this.#sending === undefined;
  }

  /** Resolves once all that was added has been answered. */
  async drained(): Promise<void> {
    await this.#sending;
  }

  /** Sends the item with the next batch; rejects when that batch does. */
  add(item: Item): Promise<Answer> {
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
        for (let index = 0; index < calls.length; index++)
          (calls[index] as Call<Answer>).resolve(answers[index] as Answer);
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    this.#sending = undefined;
  }

  #take(): [Item[], Call<Answer>[]] {
    if (this.#items.length > MAX_BATCH) return [this.#items.splice(0, MAX_BATCH), this.#calls.splice(0, MAX_BATCH)];
    const batch: [Item[], Call<Answer>[]] = [this.#items, this.#calls];
    this.#items = [];
    this.#calls = [];
    return batch;
  }
}
