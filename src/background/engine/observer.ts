import { JobError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import type { EventName, QueueEvents } from "./events.ts";

/** Which queue an {@link Observer} hears of. */
export interface ObservedQueue {
  /** What keeps its jobs: `"memory"`, `"sqlite"` or `"redis"`. */
  readonly queue: string;
  /** Where they are, as the queue's own `place` has it: several queues of one kind are told apart by it. */
  readonly place: string;
}

/** What an {@link Observer} hears: a queue's event, and which queue's it is. */
export type Observed<Name extends EventName> = QueueEvents[Name] & ObservedQueue;

/** Jobs of one task that one call is about to store. */
export interface EnqueueSpanInit extends ObservedQueue {
  readonly task: string;
  /** How many; more than one only from `enqueueMany`. */
  readonly count: number;
}

/** What an observer opens around a call that stores jobs. */
export interface EnqueueSpan {
  /** Kept with each of the jobs, and given to whoever observes their attempts; at most 512 bytes. */
  readonly trace?: string | null | undefined;
  /** The call is answered; `error` is what it rejects with, or `null`. */
  ended?(end: { readonly jobIds: readonly string[]; readonly error: unknown }): void;
}

/** An attempt that is about to run. */
export interface AttemptSpanInit extends ObservedQueue {
  readonly task: string;
  readonly jobId: string;
  /** Its number, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  /** How long the job had been due. */
  readonly waitMs: number;
  /** What an {@link EnqueueSpan} had for it, wherever that was: data of another process. */
  readonly trace: string | null;
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** `released`: handed back by a worker that stops. `lost`: the lease is another's; the handler may go on. */
  readonly outcome: "completed" | "failed" | "retrying" | "cancelled" | "lost" | "released";
  /** What it failed with, as it was thrown; otherwise `null`. */
  readonly error: unknown;
  /** Milliseconds to the next attempt when `retrying`, otherwise `null`. */
  readonly delayMs: number | null;
  readonly durationMs: number;
}

/** What an observer opens around an attempt. */
export interface AttemptSpan {
  /** Calls `call` at once and returns what it returns: whatever is in context there is what the handler sees. */
  run?<T>(call: () => T): T;
  /** The attempt is over; what the store says of it comes as an event. */
  ended?(end: AttemptEnd): void;
}

/** Hears of all queues of this process, also of those that are made later: every method is an event, or opens a span. */
export interface Observer extends Partial<{ [Name in EventName]: (event: Observed<Name>) => void }> {
  enqueueing?(init: EnqueueSpanInit): EnqueueSpan | undefined;
  attempting?(init: AttemptSpanInit): AttemptSpan | undefined;
}

/** What observers know a queue by. */
export function observedQueue({ name, place = name }: Pick<Store, "name" | "place">): ObservedQueue {
  return { queue: name, place };
}

let observers: readonly { readonly observer: Observer }[] = [];
/** Those that have each method; made when observers come and go, since it is asked for each job. */
let heard: ReadonlyMap<string, readonly Observer[]> = new Map();

export const EVENT_NAMES: readonly EventName[] = [
  "enqueued",
  "started",
  "progress",
  "retrying",
  "completed",
  "failed",
  "cancelled",
  "lost",
  "released",
  "error",
  "recovered",
];

const METHODS: readonly (keyof Observer)[] = [...EVENT_NAMES, "enqueueing", "attempting"];

/**
 * Has an observer hear of all queues of this process: what metrics and traces are made of. Where nobody observes, it costs
 * one look; an observer that throws is reported by the queue as an error, and harms nothing.
 *
 * @returns the function that ends it
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const stop = observe({
 *   failed: ({ queue, task, jobId, error }) => console.error(`${task} ${jobId} on ${queue}: ${error}`),
 * });
 * ```
 */
export function observe(observer: Observer): () => void {
  if (observer === null || typeof observer !== "object") {
    throw new JobError(
      "invalid_option",
      "observe() was given no observer: an object whose methods are named for events.",
    );
  }
  // One of its own for each call: the same observer twice is told twice.
  const own = { observer };
  change([...observers, own]);
  return () => change(observers.filter((other) => other !== own));
}

function change(next: typeof observers): void {
  observers = next;
  const having = (method: keyof Observer) =>
    next.map(({ observer }) => observer).filter((observer) => typeof observer[method] === "function");
  const entries = METHODS.map((method) => [method, having(method)] as const);
  heard = new Map(entries.filter(([, having]) => having.length > 0));
}

/** Whether some observer has this method. */
export function isObserved(method: keyof Observer): boolean {
  return heard.has(method);
}

/** Those that have this method. */
export function observersOf<Method extends keyof Observer>(
  method: Method,
): readonly (Observer & Required<Pick<Observer, Method>>)[] {
  return (heard.get(method) ?? []) as readonly (Observer & Required<Pick<Observer, Method>>)[];
}
