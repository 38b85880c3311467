import { randomBytes } from "node:crypto";
import { ClaimedAttempts } from "../../core/claimed-attempts.ts";
import type { TimeSource } from "../../core/clock.ts";
import { JobError } from "../../core/errors.ts";
import { isJobId } from "../../core/names.ts";
import { RELEASED, settlementOf } from "../../core/outcome.ts";
import { getInPortions, listInPortions } from "../../core/portions.ts";
import type {
  CancelRequest,
  Census,
  ClaimAnswer,
  ClaimedJob,
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
import { COUNT, type CountReply, census } from "./census.ts";
import { CLAIM, type ClaimReply, claimAnswer, claimArguments } from "./claim.ts";
import type { Connect, Connection, Reply } from "./connection.ts";
import { factsOf, reportOf } from "./describe.ts";
import { ENQUEUE, enqueueAnswers, enqueueArguments } from "./enqueue.ts";
import { closedFault } from "./faults.ts";
import { HEARTBEAT, heartbeatArguments, heldAnswers } from "./heartbeat.ts";
import { baseOf } from "./keys.ts";
import { type CallOptions, Link, REPEATABLE, SHORT, UNREPEATABLE, WITHIN_MS } from "./link.ts";
import { LIST, type ListReply, listAnswer, listArguments } from "./listing.ts";
import { CANCEL, cancelArguments, changeAnswers, RETRY, retryArguments } from "./manual-changes.ts";
import { NEXT, type NextReply, nextAnswers } from "./next.ts";
import { PendingOffers } from "./pending-offers.ts";
import { PRUNE, pruneArguments } from "./prune.ts";
import { GET, getAnswers, getArguments } from "./read.ts";
import type { RecordReply } from "./records.ts";
import { REPLICAS_MS, Replication } from "./replication.ts";
import type { Script } from "./script.ts";
import { checkServer, serverOf } from "./server.ts";
import { type ClaimedAttempt, leaseKindOf, SETTLE, settleAnswers, settleArguments } from "./settle.ts";
import { lengthenAll, SHORT_LENGTH, shorten } from "./short-id.ts";
import { Signals } from "./signals.ts";
import { TAKEN, takenArguments, type UnansweredClaim, UnansweredClaims } from "./unanswered.ts";
import { AWAIT } from "./waiting-stores.ts";

export interface RedisStoreOptions {
  readonly connect: Connect;
  /** The server's name in messages. */
  readonly where: string;
  readonly prefix: string;
  /** `null` for the server's clock. */
  readonly clock: TimeSource | null;
  /** How many replicas must have a job before it is acknowledged. */
  readonly replicas: number;
  /** Whether to accept a server that evicts keys when its memory is full. */
  readonly isEvictionAllowed: boolean;
}

/** How late a claim may always reach the server and still take over lost jobs, in milliseconds: nobody waits longer for its answer. */
const RECOVERS_MS = WITHIN_MS + 1_000;

/** A heartbeat without content, which is a write all the same. */
const EMPTY_HEARTBEAT: HeartbeatRequest = {
  worker: { id: "", tasks: [], slots: 0, concurrency: {}, version: "" },
  presenceMs: 0,
  leaseMs: 1,
  beats: [],
};

/** Stores jobs in Redis: one script for each method, all keys in one slot. */
export class RedisStore implements Store {
  readonly name = "redis";
  readonly isDurable = true;
  readonly isRemote = true;
  readonly isPipelined = true;
  readonly handsOver = true;
  readonly place: string;

  readonly #options: RedisStoreOptions;
  readonly #link: Link;
  readonly #signals: Signals;
  readonly #replication: Replication;
  readonly #id = randomBytes(9).toString("base64url");
  readonly #unanswered = new UnansweredClaims();
  readonly #offers = new PendingOffers();
  readonly #claimed = new ClaimedAttempts<ClaimedAttempt>((result) => result !== null);
  /** By how much the server's own clock is ahead of `#now`, at most, according to the last claim. */
  #aheadMs: number | null = null;
  #opening: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: RedisStoreOptions) {
    const { connect, where, prefix, replicas } = options;
    const base = baseOf(prefix);
    this.place = `${where}, prefix ${prefix}`;
    this.#options = options;
    this.#link = new Link(connect, where, base);
    this.#signals = new Signals(connect, where, base, this.#id);
    this.#replication = new Replication(connect, where, base, replicas, this.#link);
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
    this.#replication.close();
    this.#link.close();
    this.#options.connect.giveUp?.();
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]> {
    const args = enqueueArguments(jobs);
    return enqueueAnswers(await this.#runReplicated(ENQUEUE, args, REPEATABLE), jobs.length);
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const sentAt = this.#now;
    for (const claim of this.#unanswered.due(sentAt)) await this.#handBack(claim);
    const waiting = this.#signals.isAwaitingJobs ? this.#id : "";
    const { token, leaseMs, offered } = request;
    // Half a lease, because a process that computes may send each claim seconds late.
    const forMs = Math.max(RECOVERS_MS, leaseMs / 2);
    const recoverUntil = this.#aheadMs === null ? null : this.#now + this.#aheadMs + forMs;
    const args = claimArguments(request, recoverUntil, waiting);
    this.#offers.make(request, sentAt);
    const onUnanswered = () => {
      this.#unanswered.add({ token, leaseMs, sentAt });
      // The offer that it should have withdrawn, and the one that it makes should it still reach the server.
      for (const offer of [this.#offers.giveUp(offered), this.#offers.giveUp(request.offer)])
        if (offer !== undefined) this.#unanswered.add(offer);
    };
    const reply = await this.#run<ClaimReply>(CLAIM, args, { ...UNREPEATABLE, onUnanswered }).catch((error) => {
      this.#offers.end(request.offer);
      throw error;
    });
    if (this.#options.clock === null) this.#aheadMs = Number(reply[0]) - sentAt;
    this.#offers.end(offered);
    const { handed, ...answer } = claimAnswer(reply, request);
    this.#noteClaimed(answer.jobs, reply[3], token);
    if (handed === undefined) return answer;
    if (!this.#unanswered.has(handed.token)) return { ...answer, handed };
    // Now, since the worker may stop before the next search. If this fails, a later search finds the job.
    await this.#release([handed.job.id], handed.token).catch(() => {});
    return answer;
  }

  async heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]> {
    const args = heartbeatArguments(request);
    const isLeaving = request.presenceMs === 0 && request.beats.length === 0;
    // Resent, any other could bring back a worker that has left meanwhile, or append log lines twice.
    const reply = await this.#run<string>(HEARTBEAT, args, isLeaving ? REPEATABLE : UNREPEATABLE);
    const answers = heldAnswers(reply, request.beats.length);
    this.#claimed.forget(request.beats.filter((_, index) => answers[index] !== "held"));
    return answers;
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const division = this.#claimed.take(settlements);
    const args = settleArguments(settlements, division);
    return settleAnswers(await this.#run<string>(SETTLE, args, REPEATABLE), division);
  }

  async cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]> {
    const answers = await this.#changeByHand(CANCEL, requests, cancelArguments);
    this.#claimed.forget(requests.filter((_, index) => answers[index]));
    return answers;
  }

  async retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]> {
    return this.#changeByHand(RETRY, requests, retryArguments);
  }

  async get(ids: readonly string[], options: GetOptions): Promise<readonly (JobRecord | null)[]> {
    const records = await getInPortions(ids.filter(isJobId), async (left) => {
      const args = getArguments(left, options);
      return getAnswers(await this.#run<readonly RecordReply[]>(GET, args, REPEATABLE), left);
    });
    const found = records.values();
    return ids.map((id) => (isJobId(id) ? (found.next().value ?? null) : null));
  }

  async list(filter: ListFilter): Promise<readonly JobRecord[]> {
    return listInPortions(filter, async (left) =>
      listAnswer(await this.#run<ListReply>(LIST, listArguments(left), REPEATABLE)),
    );
  }

  async count(): Promise<Census> {
    return census(await this.#run<CountReply>(COUNT, [], REPEATABLE));
  }

  async next(lanes: readonly string[]): Promise<readonly (NextJob | null)[]> {
    return nextAnswers(await this.#run<NextReply>(NEXT, lanes, REPEATABLE));
  }

  async prune(request: PruneRequest): Promise<number> {
    return this.#run<number>(PRUNE, pruneArguments(request), UNREPEATABLE);
  }

  async describe(): Promise<StoreReport> {
    this.#checkOpen();
    const { where, prefix, replicas, clock } = this.#options;
    const facts = await factsOf(this.#link, baseOf(prefix), clock);
    return reportOf({ ...facts, where, prefix, wantedReplicas: replicas });
  }

  async subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void> {
    this.#checkOpen();
    if (kind !== "ready") return this.#signals.add(kind, listener);
    const unsubscribe = await this.#signals.add(kind, (signal) => listener(this.#ready(signal)));
    try {
      await this.#run(AWAIT, [this.#id], REPEATABLE);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  /**
   * Removes a job whose offer was given up, as it must not start here any more. Notes any other, unless its offer is over: then it
   * arrived with a claim's answer, too, and may be settled by now.
   */
  #ready(signal: Signal): Signal {
    if (signal.kind !== "ready" || signal.handed === undefined) return signal;
    const { token, job } = signal.handed;
    if (!this.#offers.delivered(token)) return { kind: "ready", lanes: signal.lanes };
    if (this.#offers.has(token)) this.#claimed.add(job.id, { token, kind: leaseKindOf(job), shortId: shorten(job.id) });
    return signal;
  }

  /** Hands back what a claim without an answer took. */
  async #handBack(claim: UnansweredClaim): Promise<void> {
    // The script runs at the latest by then: a connection may have to be made first.
    const args = takenArguments(claim, this.#now + WITHIN_MS);
    const ids = lengthenAll(await this.#run<string>(TAKEN, args, REPEATABLE));
    if (ids.length > 0) await this.#release(ids, claim.token);
    this.#unanswered.looked(claim, ids.length > 0);
  }

  async #release(ids: readonly string[], token: string): Promise<void> {
    await this.settle(ids.map((id) => settlementOf(id, token, RELEASED, null)));
  }

  /** In milliseconds, from an arbitrary origin. */
  get #now(): number {
    return this.#options.clock?.now() ?? performance.now();
  }

  #noteClaimed(jobs: readonly ClaimedJob[], shortIds: string, token: string): void {
    let last: ClaimedJob | undefined;
    let kind = "";
    let at = 0;
    for (const job of jobs) {
      if (job.task !== last?.task || job.v !== last.v) kind = leaseKindOf(job);
      last = job;
      const shortId = shortIds.slice(at, at + SHORT_LENGTH);
      this.#claimed.add(job.id, { token, kind, shortId });
      at += SHORT_LENGTH;
    }
  }

  async #changeByHand<R extends { readonly id: string }>(
    script: Script,
    requests: readonly R[],
    argumentsOf: (requests: readonly R[]) => string[],
  ): Promise<readonly boolean[]> {
    const known = requests.filter(({ id }) => isJobId(id));
    // Resent, it would report its own changes as made before.
    const reply = await this.#runReplicated(script, argumentsOf(known), UNREPEATABLE);
    const answers = changeAnswers(reply, known.length).values();
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

  /** Runs a script that writes, and resolves with its reply once enough replicas have what that acknowledges. */
  async #runReplicated(script: Script, args: readonly string[], options: CallOptions): Promise<string> {
    const { replicas, where } = this.#options;
    if (replicas === 0) return this.#run(script, args, options);
    this.#checkOpen();
    const startedAt = performance.now();
    const over = await this.#replication.connection();
    const { promise: written, resolve: onAnswered } = Promise.withResolvers<Connection>();
    // Both together end within what users wait.
    const withinMs = Math.max(SHORT.withinMs, options.withinMs - (performance.now() - startedAt));
    const reply = await this.#run<string>(script, args, { ...options, withinMs, onAnswered });
    let fault: Error | undefined;
    const confirmed = await this.#replication.confirmed(over, await written).catch((error) => {
      fault = error;
      return 0;
    });
    this.#checkOpen();
    if (confirmed >= replicas) return reply;
    const why = fault === undefined ? "" : ` ${fault.message}`;
    throw new JobError(
      "not_replicated",
      `Redis at ${where} has stored it, but only ${confirmed} of ${replicas} replicas confirmed it within ${REPLICAS_MS} ms: a failover now could lose it.${why}`,
      { cause: fault },
    );
  }

  async #check(): Promise<void> {
    const { connect, where, prefix, isEvictionAllowed } = this.#options;
    const startedAt = performance.now();
    await connect.prepare();
    // Both calls together end within what users wait, so that they learn why; but slow loading here must not count against the server.
    const withinMs = Math.max(SHORT.withinMs, 0.95 * WITHIN_MS - (performance.now() - startedAt));
    const endsAt = performance.now() + withinMs;
    // In a cluster INFO must come from the node that has the queue, which a command with a key finds.
    await this.#link.command(["GET", baseOf(prefix)], { withinMs, isRepeatable: true });
    const left = { withinMs: Math.max(SHORT.withinMs, endsAt - performance.now()), isRepeatable: true };
    const server = serverOf(String(await this.#link.command(["INFO"], left)));
    checkServer(server, where, isEvictionAllowed);
    // The same address may also lead to a primary: a write makes the link look for it.
    if (server.role === "slave") await this.#run(HEARTBEAT, heartbeatArguments(EMPTY_HEARTBEAT), SHORT);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedFault();
  }
}
