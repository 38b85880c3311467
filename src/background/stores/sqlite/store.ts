import { resolve as absolute } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { ClaimedAttempts, type Group } from "../../core/claimed-attempts.ts";
import type { TimeSource } from "../../core/clock.ts";
import { JobError } from "../../core/errors.ts";
import { getInPortions, listInPortions } from "../../core/portions.ts";
import { SignalListeners } from "../../core/signal-listeners.ts";
import { SteadyTime } from "../../core/steady-time.ts";
import type {
  CancelRequest,
  Census,
  ClaimAnswer,
  ClaimRequest,
  EnqueueAnswer,
  GetOptions,
  HeartbeatRequest,
  HeldAnswer,
  JobRecord,
  ListFilter,
  NewJob,
  NextJob,
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
  Signal,
  Store,
  StoreReport,
} from "../../core/store.ts";
import { completionOf, type KeyedAttempt } from "./completions.ts";
import type { Durability } from "./connection.ts";
import type { Calls, Method } from "./dispatcher.ts";
import { faultOf } from "./faults.ts";
import { type Host, type HostOptions, localHost, threadHost } from "./host.ts";
import { fromJson, toJson } from "./json-text.ts";
import { claimedJobOf } from "./rows.ts";
import type { MessageContent, Reply } from "./service.ts";
import { isLong } from "./texts.ts";
import { enqueueOn } from "./transaction.ts";

export interface SqliteStoreOptions {
  /** The file; its folder must exist. */
  readonly path: string;
  readonly durability: Durability;
  readonly clock: TimeSource;
  /** Whether the file is accessed on a thread of its own. */
  readonly isThreaded: boolean;
}

/** Time for others to write while much is removed: longer than `whenFree` waits between two tries. */
const BREATH_MS = 50;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Keeps jobs in an SQLite file, which is accessed on a thread of its own. */
export class SqliteStore implements Store {
  readonly name = "sqlite";
  readonly isDurable = true;
  readonly isRemote: boolean;
  readonly place: string;

  readonly #path: string;
  readonly #durability: Durability;
  readonly #time: SteadyTime;
  readonly #makeHost: (options: HostOptions) => Host;
  #host: Host | undefined;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #isClosed = false;
  #numbers = 0;
  readonly #claimed = new ClaimedAttempts<KeyedAttempt>((result) => result === null || !isLong(result, "result"));
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new SignalListeners();

  constructor({ path, durability, clock, isThreaded }: SqliteStoreOptions) {
    // It would be a path like any other, and create a file of that name in the current folder.
    if (path === ":memory:") {
      throw new JobError(
        "invalid_option",
        "The path of a SqliteQueue must be a file: for a queue in memory, use an InMemoryQueue.",
      );
    }
    this.#path = absolute(path);
    this.place = `sqlite:${this.#path}`;
    this.#durability = durability;
    this.#time = new SteadyTime(clock);
    this.isRemote = isThreaded;
    this.#makeHost = isThreaded ? threadHost : localHost;
  }

  async open(): Promise<void> {
    this.#checkOpen();
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    await this.#opening;
  }

  async #open(): Promise<void> {
    this.#time.continueFrom((await this.#send({ kind: "open" })) as number);
    this.#isOpen = true;
    // A new host must watch what the lost one did.
    for (const kind of this.#listeners.kinds) await this.#watch(kind);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const host = this.#host;
    const closed = host && this.#send({ kind: "close" });
    this.#isClosed = true;
    this.#listeners.clear();
    await closed?.catch(() => {});
    await host?.end();
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]> {
    return fromJson(await this.#call("enqueue", toJson(jobs)));
  }

  /** Adds a job on a connection of the program's own: see `transaction.ts`. */
  enqueueOn(db: DatabaseSync, job: NewJob): void {
    this.#time.continueFrom(enqueueOn(db, this.#path, job, this.#time.now()));
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const { lost, byLane, nextDueMs } = await this.#call("claim", request);
    const taken = interleave(byLane.map(fromJson));
    // Lost jobs are settled one by one, as their attempts began elsewhere.
    const { token } = request;
    for (const { 0: key, 1: id, 3: task } of taken) this.#claimed.add(id, { token, kind: task, key });
    const jobs = taken.map((row) => claimedJobOf(row, false));
    return { jobs: [...fromJson(lost).map((row) => claimedJobOf(row, true)), ...jobs], nextDueMs };
  }

  async heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]> {
    const answers = fromJson(await this.#call("heartbeat", toJson(request)));
    this.#claimed.forget(request.beats.filter((_, index) => answers[index] !== "held"));
    return answers;
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const answers = new Array<SettleAnswer>(settlements.length).fill("settled");
    const settle = async (places: readonly number[]) => {
      if (places.length === 0) return;
      const some = places.map((place) => settlements[place] as Settlement);
      const given = fromJson(await this.#call("settle", toJson(some)));
      for (const [index, place] of places.entries()) answers[place] = given[index] as SettleAnswer;
    };
    const { together, apart } = this.#claimed.take(settlements);
    const [isDone] = await Promise.all([this.#complete(together), settle(apart)]);
    // If one job of a group has changed since it was claimed, all of the group are settled one by one.
    await settle(together.flatMap(({ places }, index) => (isDone[index] ? [] : places)));
    return answers;
  }

  async #complete(groups: readonly Group<KeyedAttempt>[]): Promise<readonly boolean[]> {
    if (groups.length === 0) return [];
    const isDone = await this.#call("complete", groups.map(completionOf));
    const ids = groups.flatMap((group, index) => (isDone[index] ? group.settlements.map(({ id }) => id) : []));
    if (ids.length > 0) this.#listeners.tell({ kind: "finished", ids });
    return isDone;
  }

  async cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]> {
    const answers = fromJson(await this.#call("cancel", toJson(requests)));
    this.#claimed.forget(requests.filter((_, index) => answers[index]));
    return answers;
  }

  async retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]> {
    return fromJson(await this.#call("retry", toJson(requests)));
  }

  async get(ids: readonly string[], options: GetOptions): Promise<readonly (JobRecord | null)[]> {
    const method = options.holdMs > 0 ? "getHeld" : "get";
    return getInPortions(ids, async (left) => fromJson(await this.#call(method, { ids: left, ...options })));
  }

  async list(filter: ListFilter): Promise<readonly JobRecord[]> {
    return listInPortions(filter, async (left) => {
      const { page, next } = await this.#call("list", left);
      return { page: fromJson(page), next };
    });
  }

  count(): Promise<Census> {
    return this.#call("count", null);
  }

  next(lanes: readonly string[]): Promise<readonly (NextJob | null)[]> {
    return this.#call("next", lanes);
  }

  async prune(request: PruneRequest): Promise<number> {
    let total = 0;
    for (;;) {
      const { removed, isCutShort } = await this.#call("prune", { ...request, limit: request.limit - total });
      total += removed;
      if (!isCutShort) return total;
      await pause(BREATH_MS);
    }
  }

  async describe(): Promise<StoreReport> {
    await this.open();
    return (await this.#send({ kind: "describe", timeAheadMs: this.#time.aheadMs() })) as StoreReport;
  }

  async subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void> {
    await this.open();
    await this.#watch(kind);
    return this.#listeners.add(kind, listener);
  }

  async #watch(kind: Signal["kind"]): Promise<void> {
    await this.#send({ kind: "watch", signal: kind, now: this.#time.now() });
  }

  async #call<M extends Method>(method: M, args: Calls[M]["args"]): Promise<Calls[M]["answer"]> {
    // The host may have been lost since the queue was opened: then it is opened again.
    if (!this.#isOpen) await this.open();
    return (await this.#send({ kind: "call", method, args, now: this.#time.now() })) as Calls[M]["answer"];
  }

  #send(content: MessageContent): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      const number = this.#numbers++;
      const host = this.#hostOf();
      if (this.#waiting.size === 0) host.keepAlive(true);
      this.#waiting.set(number, { resolve, reject });
      host.send({ ...content, number });
    });
  }

  #receive(reply: Reply): void {
    if (reply.kind === "signal") {
      this.#listeners.tell(reply.signal);
      return;
    }
    if (reply.kind === "time") {
      this.#time.continueFrom(reply.latest);
      return;
    }
    const waiting = this.#waiting.get(reply.number);
    this.#waiting.delete(reply.number);
    if (this.#waiting.size === 0) this.#host?.keepAlive(false);
    if (reply.kind === "error") waiting?.reject(new JobError(reply.code, reply.message));
    else {
      for (const signal of reply.signals) this.#listeners.tell(signal);
      waiting?.resolve(reply.answer);
    }
  }

  #hostOf(): Host {
    if (this.#host !== undefined) return this.#host;
    try {
      const host = this.#makeHost({
        path: this.#path,
        durability: this.#durability,
        onReply: (reply) => this.#receive(reply),
        onLost: (cause) => this.#lose(host, cause),
      });
      this.#host = host;
      return host;
    } catch (cause) {
      // Node.js may have been told to forbid threads.
      throw faultOf(cause, this.#path);
    }
  }

  /** Rejects the pending calls; the next one makes a new host. */
  #lose(host: Host, cause: unknown): void {
    // A host that fails and then exits reports both.
    if (this.#host !== host) return;
    this.#host = undefined;
    this.#opening = undefined;
    this.#isOpen = false;
    const error = faultOf(cause, this.#path);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    host.keepAlive(false);
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new JobError("queue_closed", "This SQLite queue is closed: create a new one, or close it later.");
  }
}

/** Interleaves lists: one item of each in turn. */
function interleave<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const [only, ...others] = lists.filter((list) => list.length > 0);
  if (others.length === 0) return only ?? [];
  const rounds = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: rounds }, (_, round) => lists.flatMap((list) => list.slice(round, round + 1))).flat();
}
