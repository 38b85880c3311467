import { randomBytes } from "node:crypto";
import type { TimeSource } from "../../core/clock.ts";
import { JobError } from "../../core/errors.ts";
import { isJobId } from "../../core/names.ts";
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
  Signal,
  Store,
} from "../../core/store.ts";
import { CANCEL, cancelArguments, handAnswers, RETRY, retryArguments } from "./by-hand.ts";
import { COUNT, type CountReply, census } from "./census.ts";
import { AWAIT, CLAIM, type ClaimReply, claimAnswer, claimArguments } from "./claim.ts";
import type { Connect, Reply } from "./client.ts";
import { ENQUEUE, enqueueAnswers, enqueueArguments } from "./enqueue.ts";
import { HEARTBEAT, heartbeatArguments, heldAnswers } from "./heartbeat.ts";
import { baseOf } from "./keys.ts";
import { type CallOptions, Link } from "./link.ts";
import { LIST, listAnswer, listArguments } from "./listing.ts";
import { PRUNE, pruneArguments } from "./prune.ts";
import { GET, getAnswers, getArguments } from "./read.ts";
import type { RecordReply } from "./records.ts";
import type { Script } from "./script.ts";
import { checkServer, serverOf } from "./server.ts";
import { SETTLE, settleAnswers, settleArguments } from "./settle.ts";
import { Signals } from "./signals.ts";

export interface RedisStoreOptions {
  readonly connect: Connect;
  /** What messages call the server. */
  readonly where: string;
  readonly prefix: string;
  /** `null` for the server's own time. */
  readonly clock: TimeSource | null;
  /** Replicas that must have a job before it is acknowledged. */
  readonly replicas: number;
  /** Whether a server that removes keys when its memory is full will do. */
  readonly isEvictionAllowed: boolean;
}

/** For every call: users wait for some, and workers go on within 5 s on a new connection when the old one is silent. */
const BOUND = { withinMs: 2_000 };
/** How long replicas may take to confirm. */
const REPLICAS_MS = 1_000;

/** Keeps jobs in Redis: one script for each method, all keys in one slot. */
export class RedisStore implements Store {
  readonly name = "redis";
  readonly isDurable = true;
  readonly isRemote = true;

  readonly #options: RedisStoreOptions;
  readonly #link: Link;
  readonly #signals: Signals;
  readonly #id = randomBytes(9).toString("base64url");
  #opening: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: RedisStoreOptions) {
    const { connect, where, prefix } = options;
    const base = baseOf(prefix);
    this.#options = options;
    this.#link = new Link(connect, where, base);
    this.#signals = new Signals(connect, where, base, this.#id);
  }

  async open(): Promise<void> {
    this.#checkOpen();
    this.#opening ??= this.#check().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    await this.#opening;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#signals.close();
    this.#link.close();
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]> {
    const answer = this.#run<string>(ENQUEUE, enqueueArguments(jobs), { ...BOUND, isRepeatable: true });
    return enqueueAnswers(await this.#replicated(answer));
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const waiting = this.#signals.isAwaitingJobs ? this.#id : "";
    const args = claimArguments(request, waiting);
    return claimAnswer(await this.#run<ClaimReply>(CLAIM, args, { ...BOUND, isRepeatable: false }), request);
  }

  async heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]> {
    return heldAnswers(
      await this.#run<string>(HEARTBEAT, heartbeatArguments(request), { ...BOUND, isRepeatable: false }),
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    return settleAnswers(
      await this.#run<string>(SETTLE, settleArguments(settlements), { ...BOUND, isRepeatable: true }),
    );
  }

  async cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]> {
    return this.#byHand(CANCEL, requests, cancelArguments);
  }

  async retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]> {
    return this.#byHand(RETRY, requests, retryArguments);
  }

  async get(ids: readonly string[], options: GetOptions): Promise<readonly (JobRecord | null)[]> {
    const known = ids.filter(isJobId);
    const args = getArguments(known, options);
    const reply = await this.#run<readonly RecordReply[]>(GET, args, { ...BOUND, isRepeatable: true });
    const records = getAnswers(reply, known).values();
    return ids.map((id) => (isJobId(id) ? (records.next().value ?? null) : null));
  }

  async list(filter: ListFilter): Promise<readonly JobRecord[]> {
    const reply = await this.#run<readonly (string | RecordReply)[]>(LIST, listArguments(filter), {
      ...BOUND,
      isRepeatable: true,
    });
    return listAnswer(reply);
  }

  async count(): Promise<Census> {
    return census(await this.#run<CountReply>(COUNT, [], { ...BOUND, isRepeatable: true }));
  }

  async prune(request: PruneRequest): Promise<number> {
    return this.#run<number>(PRUNE, pruneArguments(request), { ...BOUND, isRepeatable: false });
  }

  async subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void> {
    this.#checkOpen();
    const unsubscribe = await this.#signals.add(kind, listener);
    if (kind === "ready") await this.#run(AWAIT, [this.#id], { ...BOUND, isRepeatable: true });
    return unsubscribe;
  }

  async #byHand<R extends { readonly id: string }>(
    script: Script,
    requests: readonly R[],
    argumentsOf: (requests: readonly R[]) => string[],
  ): Promise<readonly boolean[]> {
    const known = requests.filter(({ id }) => isJobId(id));
    // Sent again, it would say of what it did that it was done already.
    const answer = this.#run<string>(script, argumentsOf(known), { ...BOUND, isRepeatable: false });
    const answers = handAnswers(await this.#replicated(answer)).values();
    return requests.map(({ id }) => (isJobId(id) ? (answers.next().value ?? false) : false));
  }

  async #run<R extends Reply | readonly unknown[]>(
    script: Script,
    args: readonly string[],
    options: CallOptions,
  ): Promise<R> {
    this.#checkOpen();
    const { clock } = this.#options;
    const now = clock === null ? "" : String(clock.now());
    const reply = await this.#link.script(script, [now, ...args], options);
    this.#checkOpen();
    return reply as R;
  }

  /** Passes an answer on once enough replicas have what it acknowledges. */
  async #replicated<R>(answer: Promise<R>): Promise<R> {
    const { replicas, where } = this.#options;
    const given = await answer;
    if (replicas === 0) return given;
    const confirmed = await this.#link.command(["WAIT", String(replicas), String(REPLICAS_MS)], {
      ...BOUND,
      isRepeatable: true,
    });
    if (Number(confirmed) >= replicas) return given;
    throw new JobError(
      "not_replicated",
      `Redis at ${where} has it, but ${confirmed} of ${replicas} replicas confirmed it within ${REPLICAS_MS} ms: a failover now could lose it.`,
    );
  }

  async #check(): Promise<void> {
    const { where, isEvictionAllowed } = this.#options;
    const info = await this.#link.command(["INFO"], { ...BOUND, isRepeatable: true });
    checkServer(serverOf(String(info)), where, isEvictionAllowed);
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new JobError("queue_closed", "This Redis queue is closed: make a new one, or close it later.");
  }
}
