import type { DatabaseSync } from "node:sqlite";
import type { Signal } from "../../core/store.ts";
import { inSnapshot, inTransaction, whenFree } from "./connection.ts";
import { type Calls, Dispatcher, isWrite, type Method } from "./dispatcher.ts";
import { isBusy } from "./faults.ts";
import type { FileIdentity } from "./file-identity.ts";
import { clampNumbers, isTooLarge } from "./numbers.ts";
import { SignalBuffer } from "./signal-buffer.ts";

/** A call, and the callbacks for its answer. */
export interface Request {
  readonly method: Method;
  readonly args: Calls[Method]["args"];
  readonly now: number;
  readonly resolve: (answer: Calls[Method]["answer"], signals: readonly Signal[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting extends Request {
  readonly since: number;
}

/** Most calls that share a commit. */
const MAX_GROUP = 16;

/** Serves writes in order, those that wait together in one commit; reads do not wait for them. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #dispatcher: Dispatcher;
  readonly #file: FileIdentity;
  readonly #onLater: (instant: number) => void;
  #waiting: Waiting[] = [];
  readonly #reading = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  /** Whether clamping numbers has failed to help once: it is not tried again. */
  #isClampUseless = false;

  /** @param onLater told of a later time than that of the calls, which another process has noted */
  constructor(db: DatabaseSync, file: FileIdentity, onLater: (instant: number) => void) {
    this.#db = db;
    this.#dispatcher = new Dispatcher(db);
    this.#file = file;
    this.#onLater = onLater;
  }

  submit(request: Request): void {
    const waiting: Waiting = { ...request, since: performance.now() };
    if (isWrite(request.method)) {
      this.#waiting.push(waiting);
      this.#running ??= this.#run();
      return;
    }
    // Reads do not wait for writes.
    const reading = this.#serve([waiting], request.reject).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Resolves once all calls have been answered. */
  async drained(): Promise<void> {
    await Promise.all([this.#running, ...this.#reading]);
  }

  async #run(): Promise<void> {
    do {
      // Writes that arrive in the same turn go into one commit.
      await new Promise((resolve) => setImmediate(resolve));
      const group = this.#waiting.splice(0, this.#groupSize());
      if (!(await this.#tryTogether(group))) for (const request of group) await this.#serve([request], request.reject);
    } while (this.#waiting.length > 0);
    this.#running = undefined;
  }

  /** A group ends before a second claim, so that the first one's jobs can run while the second is served. */
  #groupSize(): number {
    const first = this.#waiting.findIndex(isClaim);
    const second = this.#waiting.findIndex((request, index) => index > first && isClaim(request));
    return Math.min(MAX_GROUP, second === -1 ? MAX_GROUP : second);
  }

  /** Serves a group in one transaction; `false` if a call failed, so that each must be served by itself. */
  async #tryTogether(group: readonly Waiting[]): Promise<boolean> {
    let isServed = true;
    await this.#serve(group, (error) => {
      // If the file is locked, no single call is at fault, and each would only wait in vain once more.
      if (group.length > 1 && !isBusy(error)) isServed = false;
      else for (const { reject } of group) reject(error);
    });
    return isServed;
  }

  async #serve(group: readonly Waiting[], onError: (error: unknown) => void): Promise<void> {
    try {
      const answers = await whenFree(() => this.#answersOfReadable(group), group[0]?.since);
      for (const [index, { resolve }] of group.entries()) {
        const { answer, signals } = answers[index] as Answered;
        resolve(answer, signals.all());
      }
    } catch (error) {
      onError(error);
    }
  }

  /** Tries again after clamping numbers that JavaScript cannot read, which another program wrote. */
  #answersOfReadable(group: readonly Waiting[]): Answered[] {
    try {
      return this.#answersOf(group);
    } catch (error) {
      if (!isTooLarge(error) || this.#isClampUseless) throw error;
    }
    inTransaction(this.#db, () => clampNumbers(this.#db));
    try {
      return this.#answersOf(group);
    } catch (error) {
      this.#isClampUseless = isTooLarge(error);
      throw error;
    }
  }

  #answersOf(group: readonly Waiting[]): Answered[] {
    this.#file.check();
    const { tables } = this.#dispatcher;
    const [first, last] = [group[0], group.at(-1)] as [Waiting, Waiting];
    const answers = (latest: number) =>
      group.map(({ method, args, now }): Answered => {
        const signals = new SignalBuffer();
        return { answer: this.#dispatcher.call(method, args, Math.max(now, latest), signals), signals };
      });
    if (!isWrite(first.method)) return inSnapshot(this.#db, () => answers(0));
    try {
      return inTransaction(this.#db, () => {
        // The latest time of all processes: no call may be before it.
        const latest = tables.latestTime.read();
        if (latest > first.now) this.#onLater(latest);
        const all = answers(latest);
        tables.conclude(last.now, latest);
        return all;
      });
    } catch (error) {
      tables.forget();
      throw error;
    }
  }
}

function isClaim({ method }: Request): boolean {
  return method === "claim";
}

interface Answered {
  readonly answer: Calls[Method]["answer"];
  readonly signals: SignalBuffer;
}
