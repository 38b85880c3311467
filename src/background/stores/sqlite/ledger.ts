import type { DatabaseSync } from "node:sqlite";
import type {
  CancelRequest,
  Census,
  ClaimRequest,
  EnqueueAnswer,
  GetOptions,
  HeartbeatRequest,
  HeldAnswer,
  JobRecord,
  ListFilter,
  NewJob,
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
  StatusCounts,
} from "../../core/store.ts";
import { ByHand } from "./by-hand.ts";
import { Claim, type Claimed } from "./claim.ts";
import type { Completion } from "./completions.ts";
import { Enqueue } from "./enqueue.ts";
import { Heartbeat } from "./heartbeat.ts";
import { fromJson, type JsonText, jsonList, toJson } from "./json-text.ts";
import { Listing } from "./listing.ts";
import { Prune } from "./prune.ts";
import { Read } from "./read.ts";
import { Settle } from "./settle.ts";
import { Statistics } from "./statistics.ts";
import { Tables } from "./tables.ts";
import type { Told } from "./told.ts";

type GetRequest = { readonly ids: readonly string[] } & GetOptions;

/** The store's methods as messages: what is asked, and what is answered. */
export interface Calls {
  enqueue: { ask: JsonText<readonly NewJob[]>; answer: JsonText<EnqueueAnswer[]> };
  claim: { ask: ClaimRequest; answer: Claimed };
  heartbeat: { ask: JsonText<HeartbeatRequest>; answer: JsonText<HeldAnswer[]> };
  /** Says of each whether it was done: each all or nothing. */
  complete: { ask: readonly Completion[]; answer: readonly boolean[] };
  settle: { ask: JsonText<readonly Settlement[]>; answer: JsonText<SettleAnswer[]> };
  cancel: { ask: JsonText<readonly CancelRequest[]>; answer: JsonText<boolean[]> };
  retry: { ask: JsonText<readonly RetryRequest[]>; answer: JsonText<boolean[]> };
  get: { ask: GetRequest; answer: JsonText<(JobRecord | null)[]> };
  getHeld: { ask: GetRequest; answer: JsonText<(JobRecord | null)[]> };
  list: { ask: ListFilter; answer: { readonly page: JsonText<JobRecord[]>; readonly next: string | null } };
  count: {
    ask: null;
    answer: { readonly tasks: (readonly [task: string, counts: StatusCounts])[] } & Omit<Census, "tasks">;
  };
  prune: { ask: PruneRequest; answer: number };
}

export type Method = keyof Calls;

/** These change nothing. */
const READS: ReadonlySet<Method> = new Set(["get", "list", "count"]);

/** Whether a call changes anything, and so waits for others that do. */
export function isWrite(method: Method): boolean {
  return !READS.has(method);
}

type Handlers = { readonly [M in Method]: (ask: Calls[M]["ask"], now: number, told: Told) => Calls[M]["answer"] };

/** The contract on one connection, without transactions: whoever calls has begun one. */
export class Ledger {
  readonly #tables: Tables;
  readonly #handlers: Handlers;

  constructor(db: DatabaseSync) {
    const tables = new Tables(db);
    const enqueue = new Enqueue(tables);
    const claim = new Claim(tables);
    const heartbeat = new Heartbeat(tables);
    const settle = new Settle(tables);
    const byHand = new ByHand(tables);
    const read = new Read(tables);
    const listing = new Listing(tables);
    const prune = new Prune(tables);
    const statistics = new Statistics(db);
    this.#tables = tables;
    this.#handlers = {
      enqueue: (jobs, now, told) => {
        // Who only enqueues never prunes.
        statistics.forget();
        return toJson(enqueue.run(fromJson(jobs), now, told));
      },
      claim: (request, now) => claim.run(request, now),
      heartbeat: (request, now) => toJson(heartbeat.run(fromJson(request), now)),
      complete: (completions, now) => completions.map((completion) => tables.completions.add(completion, now)),
      settle: (settlements, now, told) => toJson(settle.run(fromJson(settlements), now, told)),
      cancel: (requests, now, told) => toJson(byHand.cancel(fromJson(requests), now, told)),
      retry: (requests, now, told) => toJson(byHand.retry(fromJson(requests), now, told)),
      get: ({ ids, isDetailed }) => jsonList(read.records(ids, { isDetailed })),
      getHeld: ({ ids, isDetailed, holdMs }, now) => {
        read.hold(ids, now + holdMs);
        return jsonList(read.records(ids, { isDetailed }));
      },
      list: (filter) => {
        const ids = listing.ids(filter);
        const records = read.records(ids, { isBrief: filter.isBrief });
        const next = records.length < ids.length ? (ids[records.length - 1] ?? null) : null;
        return { page: jsonList(records) as JsonText<JobRecord[]>, next };
      },
      count: (_, now) => {
        const { tasks, ...rest } = read.count(now);
        return { ...rest, tasks: [...tasks] };
      },
      prune: (request, now) => {
        statistics.forget();
        return prune.run(request, now);
      },
    };
  }

  call<M extends Method>(method: M, ask: Calls[M]["ask"], now: number, told: Told): Calls[M]["answer"] {
    return this.#handlers[method](ask, now, told);
  }

  /** Writes what the calls of a transaction left to be written once. */
  conclude(): void {
    this.#tables.tally.write();
  }

  /** The transaction was undone. */
  forget(): void {
    this.#tables.tally.drop();
  }
}
