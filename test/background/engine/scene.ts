import { background, type Job, type JobQueue, type JobResult, type QueueOptions, type Task } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, onTestFinished } from "vitest";
import type { ClaimedJob, ClaimRequest, HandedJob, Signal, Store } from "../../../src/background/core/store.ts";
import type { TaskSettings } from "../../../src/background/engine/definition.ts";
import { type Logger, silentLogger } from "../../../src/background/engine/logger.ts";
import { JobQueue as Queue } from "../../../src/background/engine/queue.ts";
import { EVENT_NAMES, type EventName, type QueueEvents } from "../../../src/background/engine/queue-events.ts";
import { queueSettings } from "../../../src/background/engine/queue-options.ts";
import { MemoryStore } from "../../../src/background/stores/memory/store.ts";
import { type Fault, FaultyStore, type FaultyStoreInit } from "./faulty-store.ts";

/** A queue on a clock that only the test moves, and on a store that can be made to fail. */
export interface Scene {
  readonly clock: ManualClock;
  readonly store: FaultyStore;
  readonly queue: JobQueue;
  /** What `error` listeners hear. */
  readonly errors: unknown[];
  /** What was logged as information. */
  readonly logged: unknown[];
  /** What was logged as an error. */
  readonly loggedErrors: unknown[];
}

export interface SceneInit extends Omit<QueueOptions, "clock" | "logger">, FaultyStoreInit {
  readonly clock?: ManualClock;
  readonly on?: Store;
}

export function scene({
  clock = new ManualClock(),
  on,
  isDurable,
  isRemote,
  isOwner,
  ...options
}: SceneInit = {}): Scene {
  const inner = on ?? new MemoryStore({ clock });
  const faulty: FaultyStoreInit = {
    isOwner: isOwner ?? on === undefined,
    isDurable: isDurable ?? inner.isDurable,
    isRemote: isRemote ?? inner.isRemote,
  };
  const store = new FaultyStore(inner, faulty);
  const logged: unknown[] = [];
  const loggedErrors: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (about) => logged.push(about),
    error: (about) => loggedErrors.push(about),
  };
  const queue = new Queue(store, queueSettings({ ...options, clock, logger }));
  const errors: unknown[] = [];
  queue.on("error", ({ error }) => errors.push(error));
  onTestFinished(async () => {
    store.heal();
    await queue.close({ grace: 0 });
  });
  return { clock, store, queue, errors, logged, loggedErrors };
}

/** Two workers on one durable store, each with its own clock and connection. */
export function twoWorkers(options: SceneInit = {}): { a: Scene; b: Scene; clock: ManualClock } {
  const clock = new ManualClock();
  const on = new MemoryStore({ clock });
  const a = scene({ isDurable: true, ...options, clock: new ManualClock(), on });
  const b = scene({ isDurable: true, ...options, clock, on });
  return { a, b, clock };
}

/** An attempt whose handler goes on until the test ends it. */
export interface Running {
  readonly payload: unknown;
  readonly job: Job;
  complete(result?: unknown): void;
  fail(error: unknown): void;
}

/** A task whose handlers the test ends one by one; `runs` has all that were called, in order. */
export function controlled(
  queue: JobQueue,
  settings: TaskSettings = {},
): { readonly task: Task<unknown, unknown>; readonly runs: Running[] } {
  const runs: Running[] = [];
  const task = background({ name: "controlled", ...settings, schema: undefined, queue }, (payload: unknown, job) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    runs.push({ payload, job, complete: resolve, fail: reject });
    return promise;
  });
  return { task, runs };
}

/** A scene in which one job of a controlled task is running. */
export async function runningJob(
  init?: SceneInit,
  settings?: TaskSettings,
): Promise<Scene & ReturnType<typeof controlled> & { readonly jobId: string }> {
  const here = scene(init);
  const { task, runs } = controlled(here.queue, settings);
  const jobId = await task.enqueue(0);
  await here.clock.advance(0);
  return { ...here, task, runs, jobId };
}

/** A scene whose store hands jobs over when the test says so. */
export interface HandingOver extends Scene {
  /** The requests of its worker's claims, in order. */
  readonly claims: readonly ClaimRequest[];
  /** Claims the waiting job under an offer's token. */
  claimUnder(token: string): Promise<HandedJob>;
  /** The same; returns a function that signals this to the worker. */
  handOver(token: string): Promise<() => void>;
}

export function handingOver({
  claim = (call) => call(),
  ...init
}: SceneInit & { readonly claim?: Fault } = {}): HandingOver {
  const clock = new ManualClock();
  const memory = new MemoryStore({ clock });
  const here = scene({ ...init, clock, on: memory });
  Object.assign(here.store, { handsOver: true });
  const claims: ClaimRequest[] = [];
  here.store.on("claim", (call, args) => {
    claims.push(args[0] as ClaimRequest);
    return claim(call, args);
  });
  let tell = (_signal: Signal) => {};
  here.store.on("subscribe", (call, [kind, listener]) => {
    if (kind === "ready") tell = listener as typeof tell;
    return call();
  });
  const claimUnder = async (token: string) => {
    const { jobs } = await memory.claim({ ...(claims[0] as ClaimRequest), token, limit: 1 });
    return { token, job: jobs[0] as ClaimedJob };
  };
  const handOver = async (token: string) => {
    const handed = await claimUnder(token);
    return () => tell({ kind: "ready", lanes: [], handed });
  };
  return { ...here, claims, claimUnder, handOver };
}

/** The run with this number, which must have begun. */
export function nth(runs: readonly Running[], index: number): Running {
  const run = runs.at(index);
  expect(run, `run ${index} of ${runs.length}`).toBeDefined();
  return run as Running;
}

/** The job's result; the job must exist. */
export async function resultOf(queue: JobQueue, jobId: string): Promise<JobResult> {
  const result = await queue.getResult(jobId);
  expect(result, `job ${jobId}`).not.toBeNull();
  return result as JobResult;
}

/** Every event the queue emits, in order. */
export function eventsOf(queue: JobQueue): { readonly name: EventName; readonly event: QueueEvents[EventName] }[] {
  const told: { name: EventName; event: QueueEvents[EventName] }[] = [];
  for (const name of EVENT_NAMES) queue.on(name, (event) => told.push({ name, event }));
  return told;
}

/** Lets the event loop turn, for what does not depend on a clock. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
