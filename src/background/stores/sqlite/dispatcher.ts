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
  NextJob,
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
} from "../../core/store.ts";
import { Claim, type Claimed } from "./claim.ts";
import type { Completion } from "./completions.ts";
import { Enqueue } from "./enqueue.ts";
import { Heartbeat } from "./heartbeat.ts";
import { fromJson, type JsonText, jsonList, toJson } from "./json-text.ts";
import { Listing } from "./listing.ts";
import { ManualChanges } from "./manual-changes.ts";
import { Prune, type Pruned } from "./prune.ts";
import { Read } from "./read.ts";
import { Settle } from "./settle.ts";
import type { SignalBuffer } from "./signal-buffer.ts";
import { Statistics } from "./statistics.ts";
import { Tables } from "./tables.ts";

type GetRequest = { readonly ids: readonly string[] } & GetOptions;

/** The store's methods as messages: their arguments and answers. */
export interface Calls {
  enqueue: { args: JsonText<readonly NewJob[]>; answer: JsonText<EnqueueAnswer[]> };
  claim: { args: ClaimRequest; answer: Claimed };
  heartbeat: { args: JsonText<HeartbeatRequest>; answer: JsonText<HeldAnswer[]> };
  /** Each completion applies to all of its jobs or to none; the answer says which. */
  complete: { args: readonly Completion[]; answer: readonly boolean[] };
  settle: { args: JsonText<readonly Settlement[]>; answer: JsonText<SettleAnswer[]> };
  cancel: { args: JsonText<readonly CancelRequest[]>; answer: JsonText<boolean[]> };
  retry: { args: JsonText<readonly RetryRequest[]>; answer: JsonText<boolean[]> };
  get: { args: GetRequest; answer: JsonText<(JobRecord | null)[]> };
  getHeld: { args: GetRequest; answer: JsonText<(JobRecord | null)[]> };
  list: { args: ListFilter; answer: { readonly page: JsonText<JobRecord[]>; readonly next: string | null } };
  count: { args: null; answer: Census };
  next: { args: readonly string[]; answer: readonly (NextJob | null)[] };
  prune: { args: PruneRequest; answer: Pruned };
}

export type Method = keyof Calls;

/** The calls that change nothing. */
const READS: ReadonlySet<Method> = new Set(["get", "list", "count", "next"]);

/** Whether a call writes, and so has to queue with other writes. */
export function isWrite(method: Method): boolean {
  return !READS.has(method);
}

type Handlers = {
  readonly [M in Method]: (args: Calls[M]["args"], now: number, signals: SignalBuffer) => Calls[M]["answer"];
};

/** The store's methods on one connection, to be called within a transaction of the caller. */
export class Dispatcher {
  readonly tables: Tables;
  readonly #handlers: Handlers;

  constructor(db: DatabaseSync) {
    const tables = new Tables(db);
    const enqueue = new Enqueue(tables);
    const claim = new Claim(tables);
    const heartbeat = new Heartbeat(tables);
    const settle = new Settle(tables);
    const manualChanges = new ManualChanges(tables);
    const read = new Read(tables);
    const listing = new Listing(tables);
    const prune = new Prune(tables);
    const statistics = new Statistics(db);
    this.tables = tables;
    this.#handlers = {
      enqueue: (jobs, now, signals) => {
        // Here too, since a process that only enqueues never prunes.
        statistics.forget();
        return toJson(enqueue.run(fromJson(jobs), now, signals));
      },
      claim: (request, now) => claim.run(request, now),
      heartbeat: (request, now) => toJson(heartbeat.run(fromJson(request), now)),
      complete: (completions, now) => completions.map((completion) => tables.completions.add(completion, now)),
      settle: (settlements, now, signals) => toJson(settle.run(fromJson(settlements), now, signals)),
      cancel: (requests, now, signals) => toJson(manualChanges.cancel(fromJson(requests), now, signals)),
      retry: (requests, now, signals) => toJson(manualChanges.retry(fromJson(requests), now, signals)),
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
      count: (_, now) => read.count(now),
      next: (lanes, now) => lanes.map((lane) => tables.line.first(lane, now)),
      prune: (request, now) => {
        statistics.forget();
        return prune.run(request, now);
      },
    };
  }

  call<M extends Method>(method: M, args: Calls[M]["args"], now: number, signals: SignalBuffer): Calls[M]["answer"] {
    return this.#handlers[method](args, now, signals);
  }
}
