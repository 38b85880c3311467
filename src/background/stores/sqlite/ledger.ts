import type { DatabaseSync } from "node:sqlite";
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
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
  StatusCounts,
} from "../../core/store.ts";
import { ByHand } from "./by-hand.ts";
import { Claim } from "./claim.ts";
import { Enqueue } from "./enqueue.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Listing } from "./listing.ts";
import { Prune } from "./prune.ts";
import { Read } from "./read.ts";
import { Settle } from "./settle.ts";
import { Tables } from "./tables.ts";
import type { Told } from "./told.ts";

/** The store's methods as messages: what is asked, and what is answered; all of it can be written as JSON. */
export interface Calls {
  enqueue: { ask: readonly NewJob[]; answer: EnqueueAnswer[] };
  claim: { ask: ClaimRequest; answer: ClaimAnswer };
  heartbeat: { ask: HeartbeatRequest; answer: HeldAnswer[] };
  settle: { ask: readonly Settlement[]; answer: SettleAnswer[] };
  cancel: { ask: readonly CancelRequest[]; answer: boolean[] };
  retry: { ask: readonly RetryRequest[]; answer: boolean[] };
  get: { ask: { readonly ids: readonly string[] } & GetOptions; answer: (JobRecord | null)[] };
  list: { ask: ListFilter; answer: JobRecord[] };
  count: {
    ask: null;
    answer: { readonly tasks: (readonly [task: string, counts: StatusCounts])[] } & Omit<Census, "tasks">;
  };
  prune: { ask: PruneRequest; answer: number };
}

export type Method = keyof Calls;

/** Whether a call changes anything, and so needs a transaction of its own kind. */
export function isWrite<M extends Method>(method: M, ask: Calls[M]["ask"]): boolean {
  if (method === "get") return (ask as Calls["get"]["ask"]).holdMs > 0;
  return method !== "list" && method !== "count";
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
    this.#tables = tables;
    this.#handlers = {
      enqueue: (jobs, now, told) => enqueue.run(jobs, now, told),
      claim: (request, now) => claim.run(request, now),
      heartbeat: (request, now) => heartbeat.run(request, now),
      settle: (settlements, now, told) => settle.run(settlements, now, told),
      cancel: (requests, now, told) => byHand.cancel(requests, now, told),
      retry: (requests, now, told) => byHand.retry(requests, now, told),
      get: ({ ids, isDetailed, holdMs }, now) => {
        if (holdMs > 0) read.hold(ids, now + holdMs);
        return read.get(ids, isDetailed);
      },
      list: (filter) => read.get(listing.ids(filter), false) as JobRecord[],
      count: (_, now) => {
        const { tasks, ...rest } = read.count(now);
        return { ...rest, tasks: [...tasks] };
      },
      prune: (request, now) => prune.run(request, now),
    };
  }

  call<M extends Method>(method: M, ask: Calls[M]["ask"], now: number, told: Told): Calls[M]["answer"] {
    try {
      const answer = this.#handlers[method](ask, now, told);
      this.#tables.tally.write();
      return answer;
    } catch (error) {
      this.#tables.tally.drop();
      throw error;
    }
  }
}
