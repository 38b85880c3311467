import type { DatabaseSync } from "node:sqlite";
import type { Signal } from "../../core/store.ts";
import { inTransaction, whenFree } from "./connection.ts";
import { type Calls, isWrite, Ledger, type Method } from "./ledger.ts";
import { Told } from "./told.ts";

/** One call, and where its answer goes. */
export interface Request {
  readonly method: Method;
  readonly ask: Calls[Method]["ask"];
  readonly now: number;
  readonly resolve: (answer: Calls[Method]["answer"], signals: readonly Signal[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that share a commit: what else has come while the last one was written. */
const MAX_GROUP = 16;

/** Serves calls in their order; writes that wait together share one commit. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #ledger: Ledger;
  #waiting: Request[] = [];
  #running: Promise<void> | undefined;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#ledger = new Ledger(db);
  }

  submit(request: Request): void {
    this.#waiting.push(request);
    this.#running ??= this.#run();
  }

  /** Resolves once all calls have been answered. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    do {
      // Messages that came in the same turn are written together.
      await new Promise((resolve) => setImmediate(resolve));
      const group = this.#take();
      if (!(await this.#tryTogether(group))) for (const request of group) await this.#serve([request], request.reject);
    } while (this.#waiting.length > 0);
    this.#running = undefined;
  }

  #take(): Request[] {
    const first = this.#waiting[0] as Request;
    if (!isWrite(first.method, first.ask)) return this.#waiting.splice(0, 1);
    let end = 1;
    for (; end < this.#waiting.length && end < MAX_GROUP; end++) {
      const { method, ask } = this.#waiting[end] as Request;
      if (!isWrite(method, ask)) break;
    }
    return this.#waiting.splice(0, end);
  }

  /** One call that fails must not fail the others: then each is served by itself. */
  async #tryTogether(group: readonly Request[]): Promise<boolean> {
    let isServed = true;
    await this.#serve(group, (error) => {
      if (group.length > 1) isServed = false;
      else group[0]?.reject(error);
    });
    return isServed;
  }

  async #serve(group: readonly Request[], onError: (error: unknown) => void): Promise<void> {
    try {
      const answers = await whenFree(() => this.#answersOf(group));
      for (const [index, { resolve }] of group.entries()) {
        const { answer, told } = answers[index] as Answered;
        resolve(answer, told.signals());
      }
    } catch (error) {
      onError(error);
    }
  }

  #answersOf(group: readonly Request[]): Answered[] {
    const first = group[0] as Request;
    const answer = () =>
      group.map(({ method, ask, now }): Answered => {
        const told = new Told();
        return { answer: this.#ledger.call(method, ask, now, told), told };
      });
    return isWrite(first.method, first.ask) ? inTransaction(this.#db, answer) : answer();
  }
}

interface Answered {
  readonly answer: Calls[Method]["answer"];
  readonly told: Told;
}
