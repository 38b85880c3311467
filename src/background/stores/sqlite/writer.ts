import type { DatabaseSync } from "node:sqlite";
import type { Signal } from "../../core/store.ts";
import { inSnapshot, inTransaction, whenFree } from "./connection.ts";
import { isBusy } from "./faults.ts";
import { type Calls, isWrite, Ledger, type Method } from "./ledger.ts";
import type { Place } from "./place.ts";
import { Told } from "./told.ts";

/** One call, and where its answer goes. */
export interface Request {
  readonly method: Method;
  readonly ask: Calls[Method]["ask"];
  readonly now: number;
  readonly resolve: (answer: Calls[Method]["answer"], signals: readonly Signal[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting extends Request {
  readonly since: number;
}

/** Calls that share a commit: what else has come while the last one was written. */
const MAX_GROUP = 16;

/** Serves calls in their order; writes that wait together share one commit. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #ledger: Ledger;
  readonly #place: Place;
  #waiting: Waiting[] = [];
  readonly #reading = new Set<Promise<void>>();
  #running: Promise<void> | undefined;

  constructor(db: DatabaseSync, place: Place) {
    this.#db = db;
    this.#ledger = new Ledger(db);
    this.#place = place;
  }

  submit(request: Request): void {
    const waiting: Waiting = { ...request, since: performance.now() };
    if (isWrite(request.method)) {
      this.#waiting.push(waiting);
      this.#running ??= this.#run();
      return;
    }
    // Reading waits for nobody who writes.
    const reading = this.#serve([waiting], request.reject).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Resolves once all calls have been answered. */
  async drained(): Promise<void> {
    await Promise.all([this.#running, ...this.#reading]);
  }

  async #run(): Promise<void> {
    do {
      // Messages that came in the same turn are written together.
      await new Promise((resolve) => setImmediate(resolve));
      const group = this.#waiting.splice(0, this.#groupSize());
      if (!(await this.#tryTogether(group))) for (const request of group) await this.#serve([request], request.reject);
    } while (this.#waiting.length > 0);
    this.#running = undefined;
  }

  /** Ends before a second claim: the answer to the first must not wait for it, so that jobs run while it is served. */
  #groupSize(): number {
    const first = this.#waiting.findIndex(isClaim);
    const second = this.#waiting.findIndex((request, index) => index > first && isClaim(request));
    return Math.min(MAX_GROUP, second === -1 ? MAX_GROUP : second);
  }

  /** One call that fails must not fail the others: then each is served by itself. */
  async #tryTogether(group: readonly Waiting[]): Promise<boolean> {
    let isServed = true;
    await this.#serve(group, (error) => {
      // A locked file is nobody's fault, and each of them would only wait in vain once more.
      if (group.length > 1 && !isBusy(error)) isServed = false;
      else for (const { reject } of group) reject(error);
    });
    return isServed;
  }

  async #serve(group: readonly Waiting[], onError: (error: unknown) => void): Promise<void> {
    try {
      const answers = await whenFree(() => this.#answersOf(group), group[0]?.since);
      for (const [index, { resolve }] of group.entries()) {
        const { answer, told } = answers[index] as Answered;
        resolve(answer, told.signals());
      }
    } catch (error) {
      onError(error);
    }
  }

  #answersOf(group: readonly Waiting[]): Answered[] {
    this.#place.check();
    const first = group[0] as Waiting;
    const answers = () =>
      group.map(({ method, ask, now }): Answered => {
        const told = new Told();
        return { answer: this.#ledger.call(method, ask, now, told), told };
      });
    if (!isWrite(first.method)) return inSnapshot(this.#db, answers);
    try {
      return inTransaction(this.#db, () => {
        const all = answers();
        this.#ledger.conclude();
        return all;
      });
    } catch (error) {
      this.#ledger.forget();
      throw error;
    }
  }
}

function isClaim({ method }: Request): boolean {
  return method === "claim";
}

interface Answered {
  readonly answer: Calls[Method]["answer"];
  readonly told: Told;
}
