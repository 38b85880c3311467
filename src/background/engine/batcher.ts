/** A call's share of a batch. */
interface Part<Item, Answer> {
  readonly items: readonly Item[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes batches of single calls: one batch is under way at a time, and what gathers meanwhile goes out as the next.
 * An idle batcher sends at the end of the running turn; a busy one makes hundreds of calls share a round trip.
 */
export class Batcher<Item, Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #maxItems: number;
  #parts: Part<Item, Answer>[] = [];
  #sending: Promise<void> | undefined;

  /** A batch has at most `maxItems`, unless one call alone brings more. */
  constructor(send: (items: readonly Item[]) => Promise<readonly Answer[]>, maxItems = 1_000) {
    this.#send = send;
    this.#maxItems = maxItems;
  }

  get isIdle(): boolean {
    return this.#sending === undefined;
  }

  /** Resolves once all that was added has been answered. */
  async drained(): Promise<void> {
    await this.#sending;
  }

  /** Sends the items with the next batch; rejects when that batch does. */
  add(items: readonly Item[]): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      this.#parts.push({ items, resolve, reject });
      this.#sending ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // Whatever else is called in this turn still comes along.
    await null;
    while (this.#parts.length > 0) {
      const parts = this.#take();
      const items = parts.length === 1 ? (parts[0] as Part<Item, Answer>).items : parts.flatMap((part) => part.items);
      try {
        const answers = await this.#send(items);
        let from = 0;
        for (const part of parts) {
          part.resolve(parts.length === 1 ? answers : answers.slice(from, from + part.items.length));
          from += part.items.length;
        }
      } catch (error) {
        for (const part of parts) part.reject(error);
      }
    }
    this.#sending = undefined;
  }

  #take(): Part<Item, Answer>[] {
    let end = 0;
    for (let items = 0; end < this.#parts.length; end++) {
      items += (this.#parts[end] as Part<Item, Answer>).items.length;
      if (items > this.#maxItems && end > 0) break;
    }
    return this.#parts.splice(0, end);
  }
}
