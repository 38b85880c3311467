import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { Job } from "./job.ts";

const current = new AsyncLocalStorage<Job>();

/**
 * The job whose handler is running, anywhere within that handler's calls; `undefined` outside of one.
 *
 * @example
 * ```ts
 * export async function download(url: string) {
 *   return fetch(url, { signal: currentJob()?.signal ?? null });
 * }
 * ```
 */
export function currentJob(): Job | undefined {
  return current.getStore();
}

/** Runs a handler with `currentJob()` set to its job, otherwise in the caller's async context. */
export function runWith<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  return current.run(job, handler, payload, job);
}

const KIND = "rapidai.attempt";
/** Captures the async context in which this file was first imported. */
const neutral = new AsyncResource(KIND);
/** Before Node.js 24, `enterWith` stores its value in the async resource, where the next attempt would find it. */
const isLeaking = neutral.runInAsyncScope(() => {
  const probe = new AsyncLocalStorage<boolean>();
  probe.enterWith(true);
  return () => probe.getStore() === true;
});
const mayShare = !neutral.runInAsyncScope(isLeaking);

/**
 * The same in a context of its own instead of that of the request that happened to wake the worker. As that context ends
 * with the call, `enterWith` suffices, which takes a fifth of the time of `run` and a third of its memory.
 */
export function runInOwnContext<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  const own = mayShare ? neutral : neutral.runInAsyncScope(() => new AsyncResource(KIND));
  return own.runInAsyncScope(enter<P, R>, undefined, job, handler, payload);
}

function enter<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  current.enterWith(job);
  return handler(payload, job);
}
