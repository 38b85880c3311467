import { JobError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import { EVENT_NAMES, type EventName, type QueueEvents } from "./queue-events.ts";

/** The queue that an {@link Observer} is told about. */
export interface ObservedQueue {
  /** Its backend: `"memory"`, `"sqlite"` or `"redis"`. */
  readonly queue: string;
  /** The queue's `place`, which tells several queues of one backend apart. */
  readonly place: string;
}

/** A queue's event as an {@link Observer} gets it: with the queue that it is of. */
export type Observed<Name extends EventName> = QueueEvents[Name] & ObservedQueue;

/** A call that is about to store jobs of one task. */
export interface EnqueueSpanInit extends ObservedQueue {
  readonly task: string;
  /** The number of jobs; always 1 except from `enqueueMany`. */
  readonly count: number;
}

/** An observer's span around a call that stores jobs. */
export interface EnqueueSpan {
  /** Stored with each of the jobs, and passed to observers of their attempts; at most 512 bytes. */
  readonly trace?: string | null | undefined;
  /** Called when the call ends; `error` is what it rejects with, or `null`. */
  ended?(end: { readonly jobIds: readonly string[]; readonly error: unknown }): void;
}

/** An attempt that is about to run. */
export interface AttemptSpanInit extends ObservedQueue {
  readonly task: string;
  readonly jobId: string;
  /** Its number, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  /** How long the job had been due, in milliseconds. */
  readonly waitMs: number;
  /** The `trace` of the {@link EnqueueSpan}, perhaps of another process, with which the job was stored. */
  readonly trace: string | null;
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** `released`: handed back by a stopping worker. `lost`: it lost its lease; the handler may go on. */
  readonly outcome: "completed" | "failed" | "retrying" | "cancelled" | "lost" | "released";
  /** What was thrown, if it failed; otherwise `null`. */
  readonly error: unknown;
  /** Milliseconds until the next attempt if `retrying`; otherwise `null`. */
  readonly delayMs: number | null;
  readonly durationMs: number;
}

/** An observer's span around an attempt. */
export interface AttemptSpan {
  /** Must call `call` at once and return what it returns: the handler runs in the async context of that call. */
  run?<T>(call: () => T): T;
  /** Called when the attempt ends. Whether the store accepted that follows as an event. */
  ended?(end: AttemptEnd): void;
}

/** Observes all queues of this process, present and future: each method gets an event or opens a span. */
export interface Observer extends Partial<{ [Name in EventName]: (event: Observed<Name>) => void }> {
  enqueueing?(init: EnqueueSpanInit): EnqueueSpan | undefined;
  attempting?(init: AttemptSpanInit): AttemptSpan | undefined;
}

/** How observers identify a queue. */
export function observedQueue({ name, place = name }: Pick<Store, "name" | "place">): ObservedQueue {
  return { queue: name, place };
}

let observers: readonly { readonly observer: Observer }[] = [];
/** The observers that have each method, computed when observers are added or removed, as it is read for each job. */
let byMethod: ReadonlyMap<string, readonly Observer[]> = new Map();

const METHODS: readonly (keyof Observer)[] = [...EVENT_NAMES, "enqueueing", "attempting"];

/**
 * Adds an observer of all queues of this process, as for metrics and traces. Without observers an event costs one lookup.
 * What an observer throws is reported as an `error` event of the queue and harms nothing else.
 *
 * @returns a function that removes the observer
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
      "observe() needs an observer: an object whose methods are named after events.",
    );
  }
  // A new object for each call: an observer that is added twice is called twice.
  const own = { observer };
  change([...observers, own]);
  return () => change(observers.filter((other) => other !== own));
}

function change(next: typeof observers): void {
  observers = next;
  const having = (method: keyof Observer) =>
    next.map(({ observer }) => observer).filter((observer) => typeof observer[method] === "function");
  const entries = METHODS.map((method) => [method, having(method)] as const);
  byMethod = new Map(entries.filter(([, having]) => having.length > 0));
}

/** Whether some observer has this method. */
export function isObserved(method: keyof Observer): boolean {
  return byMethod.has(method);
}

/** The observers that have this method. */
export function observersOf<Method extends keyof Observer>(
  method: Method,
): readonly (Observer & Required<Pick<Observer, Method>>)[] {
  return (byMethod.get(method) ?? []) as readonly (Observer & Required<Pick<Observer, Method>>)[];
}
