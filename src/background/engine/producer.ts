import { decode, encode } from "../core/codec.ts";
import { JobError } from "../core/errors.ts";
import { messageOf } from "../core/failure.ts";
import { idConflict } from "../core/id-conflict.ts";
import type { ValueLimits } from "../core/limits.ts";
import { isJobId } from "../core/names.ts";
import { checkOptions } from "../core/options.ts";
import { type EnqueueAnswer, type NewJob, RECORD_VERSION, type Store } from "../core/store.ts";
import { sentence, shown } from "../core/text.ts";
import { Batcher } from "./batcher.ts";
import type { TaskDefinition } from "./definition.ts";
import { type EnqueueManyOptions, type EnqueueOptions, type JobSettings, jobSettings } from "./enqueue.ts";
import type { Events } from "./events.ts";
import { newJobId } from "./ids.ts";
import { checkPayload, checkPayloadNow } from "./payload.ts";
import { portionEnd } from "./portion.ts";
import { EnqueueSpans } from "./spans.ts";

/** What is needed of a task to enqueue its jobs. */
export type Target = Pick<TaskDefinition, "name" | "lane" | "maxRetries" | "schema">;

export interface ProducerInit {
  readonly store: Store;
  readonly limits: ValueLimits;
  readonly events: Events;
  /** Opens the store; `undefined`, with nothing to await, once it is open. */
  readonly open: () => Promise<void> | undefined;
}

const REPEAT = "Enqueue it again with the same id: it is stored only once, even if this call did store it.";
/** Most jobs that one call stores. */
const PAGE = 1_000;

/** Makes jobs from payloads and stores them. */
export class Producer {
  readonly #init: ProducerInit;
  readonly #batcher: Batcher<NewJob, EnqueueAnswer, string>;
  /** Calls in progress whose jobs the batcher does not have yet, or never gets. */
  readonly #calls = new Set<Promise<unknown>>();

  constructor(init: ProducerInit) {
    this.#init = init;
    this.#batcher = new Batcher((jobs) => init.store.enqueue(jobs), {
      conclusion: {
        result: (job, answer) => this.#conclude(job, answer),
        error: (job, error) => repeatable(error, job, REPEAT),
      },
      senders: init.store.isPipelined ? 2 : 1,
      bytesOf,
    });
  }

  get isSettled(): boolean {
    return this.#batcher.isIdle && this.#calls.size === 0;
  }

  /** Resolves once all calls have been answered. */
  async drained(): Promise<void> {
    await Promise.allSettled([this.#batcher.drained(), ...this.#calls]);
  }

  /** Makes a job that the caller stores in another way. */
  prepare(target: Target, payload: unknown, options: EnqueueOptions | undefined): NewJob {
    const spans = this.#openSpans(target, 1);
    try {
      const job = this.#prepare(target, payload, options, spans?.trace ?? null);
      spans?.end([job.id], null);
      return job;
    } catch (error) {
      spans?.end([], error);
      throw error;
    }
  }

  #prepare(target: Target, payload: unknown, options: EnqueueOptions | undefined, trace: string | null): NewJob {
    const settings = jobSettings(options, target.name);
    const job = this.#jobOf(target, payload, settings, options?.id ?? newJobId(), trace);
    if (target.schema !== undefined) checkPayloadNow(target.schema, payload, target.name, job.id);
    return job;
  }

  /** Stores one job and resolves with its id. Throws synchronously if the call itself is wrong. */
  enqueue(target: Target, payload: unknown, options: EnqueueOptions | undefined): Promise<string> {
    const spans = this.#openSpans(target, 1);
    if (spans === null) return this.#enqueue(target, payload, options, null);
    return spans.around((trace) => this.#enqueue(target, payload, options, trace));
  }

  #enqueue(
    target: Target,
    payload: unknown,
    options: EnqueueOptions | undefined,
    trace: string | null,
  ): Promise<string> {
    const id = options?.id ?? newJobId();
    try {
      const settings = jobSettings(options, target.name);
      const job = this.#jobOf(target, payload, settings, id, trace);
      if (target.schema === undefined && this.#init.open() === undefined) return this.#batcher.add(job);
      return this.#tracked(this.#enqueueLater(target, payload, job));
    } catch (error) {
      throw withJobId(error, id, target.name);
    }
  }

  async #enqueueLater({ schema, name }: Target, payload: unknown, job: NewJob): Promise<string> {
    if (schema !== undefined) await checkPayload(schema, payload, name, job.id);
    try {
      await this.#init.open();
    } catch (error) {
      throw repeatable(error, job, REPEAT);
    }
    return this.#batcher.add(job);
  }

  /** Stores many jobs, or none if one payload is invalid, and resolves with their ids in order. */
  async enqueueMany(
    target: Target,
    payloads: readonly unknown[],
    options: EnqueueManyOptions | undefined,
  ): Promise<string[]> {
    const spans = this.#openSpans(target, payloads?.length ?? 0);
    if (spans === null) return this.#tracked(this.#enqueueMany(target, payloads, options, null));
    return spans.around((trace) => this.#tracked(this.#enqueueMany(target, payloads, options, trace)));
  }

  async #enqueueMany(
    target: Target,
    payloads: readonly unknown[],
    options: EnqueueManyOptions | undefined,
    trace: string | null,
  ): Promise<string[]> {
    if (!Array.isArray(payloads)) {
      throw new JobError("invalid_payload", `enqueueMany of task '${target.name}' takes an array of payloads.`, {
        task: target.name,
      });
    }
    if (options !== undefined)
      checkOptions(
        options,
        ["delay", "runAt", "maxRetries", "ids"],
        `options to enqueue jobs of task '${target.name}'`,
      );
    const { ids, ...rest } = options ?? {};
    checkIds(ids, payloads, target.name);
    const settings = jobSettings(rest, target.name);
    // Encodes all, holes in the array included, before awaiting anything: later changes to the payloads have no effect.
    const jobs = Array.from(payloads, (payload, index) => {
      try {
        return this.#jobOf(target, payload, settings, ids?.[index] ?? newJobId(), trace);
      } catch (error) {
        throw withIndex(error, index);
      }
    });
    const { schema, name } = target;
    if (schema !== undefined) {
      for (const [index, { id: jobId, payload: text }] of jobs.entries()) {
        // As stored: the caller may have changed the original by now.
        const payload = decode(text, { what: "payload", task: name, jobId });
        await checkPayload(schema, payload, name, undefined).catch((error) => {
          throw withIndex(error, index);
        });
      }
    }
    await this.#storeAll(jobs, ids !== undefined);
    return jobs.map((job) => job.id);
  }

  #tracked<T>(call: Promise<T>): Promise<T> {
    const tracked = call.finally(() => this.#calls.delete(tracked));
    this.#calls.add(tracked);
    return tracked;
  }

  /** Opens the observers' spans around a call that stores jobs; `null` without observers. */
  #openSpans({ name }: Target, count: number): EnqueueSpans | null {
    const { store, events } = this.#init;
    return EnqueueSpans.open(store, name, count, (error) => events.report(error));
  }

  async #storeAll(jobs: readonly NewJob[], isRepeatable: boolean): Promise<void> {
    let before: Promise<void> | undefined;
    let end: number;
    for (let from = 0; from < jobs.length; from = end) {
      end = portionEnd(jobs, from, PAGE, bytesOf);
      const storing = this.#storePage(jobs, from, end, isRepeatable);
      // If the previous page fails, nothing awaits this one.
      storing.catch(() => {});
      // Over a network, the next page is prepared and sent while this one is in flight.
      if (before !== undefined) await before;
      before = storing;
      if (!this.#init.store.isRemote) await storing;
      // Lets workers begin with these, and keeps a long list from blocking the process.
      if (end < jobs.length) await new Promise((resolve) => setImmediate(resolve));
    }
    await before;
  }

  async #storePage(jobs: readonly NewJob[], from: number, end: number, isRepeatable: boolean): Promise<void> {
    const page = jobs.slice(from, end);
    try {
      await this.#init.open();
      const answers = await this.#init.store.enqueue(page);
      for (let index = 0; index < page.length; index++)
        if (answers[index] === "stored") this.#emitEnqueued(page[index] as NewJob);
      const conflict = page.find((_, index) => answers[index] === "conflict");
      if (conflict !== undefined) throw idConflict(conflict);
    } catch (error) {
      const stored =
        from === 0
          ? "It and the rest may or may not be stored"
          : `The ${from} jobs before it are stored; it and the rest may or may not be`;
      throw repeatable(
        error,
        page[0] as NewJob,
        `${stored}${isRepeatable ? ": repeat the call with the same ids, which stores each only once" : ""}.`,
      );
    }
  }

  #jobOf(
    { name, lane, maxRetries }: Target,
    payload: unknown,
    { delayMs, runAt, maxRetries: ownRetries }: JobSettings,
    id: string,
    trace: string | null,
  ): NewJob {
    const text = encode(payload, { what: "payload", limit: this.#init.limits.payload, task: name, jobId: id });
    const retries = ownRetries ?? maxRetries;
    return { v: RECORD_VERSION, id, task: name, lane, payload: text, maxRetries: retries, delayMs, runAt, trace };
  }

  #conclude(job: NewJob, answer: EnqueueAnswer): string {
    if (answer === "conflict") throw idConflict(job);
    if (answer === "stored") this.#emitEnqueued(job);
    return job.id;
  }

  #emitEnqueued({ id, task }: NewJob): void {
    const { events } = this.#init;
    if (events.has("enqueued")) events.emit("enqueued", { jobId: id, task });
  }
}

function checkIds(ids: unknown, { length }: readonly unknown[], task: string): void {
  const what = ids === undefined ? undefined : idsFault(ids, length);
  if (what === undefined) return;
  throw new JobError(
    "invalid_id",
    `enqueueMany of task '${task}' was given ${what}: pass one id per payload, each from newJobId().`,
    { task },
  );
}

function idsFault(ids: unknown, length: number): string | undefined {
  if (!Array.isArray(ids)) return "ids that are not an array";
  if (ids.length !== length) return `${ids.length} ids for ${length} jobs`;
  const wrong = Array.from(ids, isJobId).indexOf(false);
  if (wrong !== -1) return `${shown(ids[wrong])} as ids[${wrong}]`;
  return new Set(ids).size < length ? "the same id twice" : undefined;
}

function bytesOf({ payload }: NewJob): number {
  return payload.length;
}

/** Adds the job's id to an error from before the job was made. */
function withJobId(error: unknown, id: string, task: string): unknown {
  if (!(error instanceof JobError) || error.jobId !== undefined || !isJobId(id)) return error;
  const message = `Job ${id} of task '${task}' could not be enqueued: ${error.message}`;
  return new JobError(error.code, message, { jobId: id, task, cause: error });
}

/** Says which of many payloads is invalid, without a job id, as none of them has been stored. */
function withIndex(error: unknown, index: number): unknown {
  if (!(error instanceof JobError)) return error;
  return new JobError(error.code, `payloads[${index}]: ${error.message}`, { task: error.task, cause: error });
}

function repeatable(error: unknown, { id, task }: NewJob, advice: string): unknown {
  if (error instanceof JobError && error.jobId !== undefined) return error;
  const code = error instanceof JobError ? error.code : "queue_unavailable";
  const outcome = code === "not_replicated" ? "is not stored safely yet" : "could not be enqueued";
  const why = sentence(messageOf(error));
  return new JobError(code, `Job ${id} of task '${task}' ${outcome}: ${why} ${advice}`, {
    jobId: id,
    task,
    cause: error,
  });
}
