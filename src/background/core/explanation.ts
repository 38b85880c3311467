import { inWords } from "./duration.ts";
import { MAX_LOSSES } from "./limits.ts";
import { percentOf } from "./percent.ts";
import { dateAt } from "./result.ts";
import type { JobStatus } from "./status.ts";
import { type Census, type JobRecord, RECORD_VERSION, type WorkerPresence } from "./store.ts";
import { counted, listed } from "./text.ts";

/** Why a job is where it is; stable between releases. */
export type CauseCode =
  // pending
  | "no_worker"
  | "no_worker_for_task"
  | "slots_busy"
  | "task_concurrency_full"
  | "behind_others"
  | "delayed"
  | "waiting_for_retry"
  | "newer_record_version"
  | "due_now"
  | "not_claimed"
  // running
  | "running"
  | "lease_overdue"
  // done
  | "completed"
  | "cancelled"
  | "failed_retries_used_up"
  | "failed_permanently"
  | "failed_poison"
  // any status
  | "backend_unhealthy";

/** One reason, and what would change it. */
export interface Cause {
  /** Stable: compare this, not the message. */
  readonly code: CauseCode;
  /** The reason, in one sentence. */
  readonly message: string;
  /** What would change it. */
  readonly remedy: string;
  /** The job's last error, where that is the reason: text from a handler, not from this library. */
  readonly detail: string | null;
}

/**
 * Why a job is where it is, and what would change that.
 *
 * @example
 * ```ts
 * const explanation = await queue.explain(jobId);
 * for (const { message, remedy } of explanation?.causes ?? []) console.log(message, remedy);
 * ```
 */
export interface Explanation {
  readonly jobId: string;
  /** `null` when the store could not be asked for the job. */
  readonly task: string | null;
  /** `null` when the store could not be asked for the job. */
  readonly status: JobStatus | null;
  /** The first cause as one sentence that names the job. */
  readonly summary: string;
  /** At least one, the most relevant first. */
  readonly causes: readonly Cause[];
  /** The time of these causes, by the store's clock if it could be read. */
  readonly at: Date;
}

/** What an explanation is made from. */
export interface Facts {
  readonly jobId: string;
  /** `null` when it could not be read. */
  readonly record: JobRecord | null;
  /** `null` when it could not be read. */
  readonly census: Census | null;
  /** The newest running jobs, of all workers and tasks. */
  readonly running: readonly JobRecord[];
  /** Whether there are more. */
  readonly isMoreRunning: boolean;
  /** The number of due jobs of the same task that come before it. */
  readonly ahead: number;
  /** Whether there may be more. */
  readonly isMoreAhead: boolean;
  /** Why workers cannot use the store; `null` if they can. */
  readonly fault: string | null;
  /** The time to use without a census. */
  readonly now: number;
}

/** As long as workers pause at most, after failed claims: a job claimable for longer than this is not just about to be claimed. */
const CLAIMED_WITHIN_MS = 5_000;

/** A job that has run for this long, and holds up others, is named. */
const NOTABLE_MS = 60_000;

/** Says why a job is where it is. Pure. */
export function explain(facts: Facts): Explanation {
  const { jobId, record, fault } = facts;
  // A process without slots is no worker: it only probes the store's health.
  const workers = facts.census?.workers.filter(({ slots }) => slots > 0) ?? [];
  const census = facts.census === null ? null : { ...facts.census, workers };
  const at = census?.at ?? facts.now;
  const causes = [
    ...(fault === null ? [] : [unhealthy(fault)]),
    ...(record === null || census === null ? [] : causesOf(record, { ...facts, at, census })),
  ];
  const subject = record === null ? `Job ${jobId}` : `Job ${jobId} of task '${record.task}' is ${record.status}`;
  return Object.freeze({
    jobId,
    task: record?.task ?? null,
    status: record?.status ?? null,
    summary: `${subject}: ${lowerFirst(causes[0]?.message ?? "its state could not be read.")}`,
    causes: Object.freeze(causes.map((cause) => Object.freeze(cause))),
    at: new Date(at),
  });
}

type Known = Omit<Facts, "census"> & { readonly census: Census; readonly at: number };

function causesOf(record: JobRecord, facts: Known): Cause[] {
  switch (record.status) {
    case "pending":
      return causesOfPending(record, facts);
    case "running":
      return causesOfRunning(record, facts);
    case "completed":
      return [
        cause(
          "completed",
          `It completed ${ago(record.completedAt, facts.at)}, in attempt ${record.attempts}.`,
          "Nothing to do: it is done. To do the work again, enqueue a new job.",
        ),
      ];
    case "cancelled": {
      const by = record.cancelledBy === null ? "an unnamed caller" : record.cancelledBy;
      return [
        cause(
          "cancelled",
          `It was cancelled by ${by} ${ago(record.completedAt, facts.at)}.`,
          "To run it after all, retry it by hand: it is then due at once.",
        ),
      ];
    }
    case "failed":
      return [causeOfFailure(record, facts.at)];
  }
}

function causeOfFailure(record: JobRecord, at: number): Cause {
  const last = record.past.at(-1);
  const detail = last === undefined ? null : `${last.name}: ${last.message}`;
  const when = ago(record.completedAt, at);
  if (record.losses >= MAX_LOSSES) {
    return cause(
      "failed_poison",
      `It failed ${when}: ${record.losses} workers were lost while running it, so it most likely kills its workers.`,
      "Find out what it does to the process (memory, native code, an endless loop), fix that, then retry it by hand.",
      detail,
    );
  }
  if (record.attempts >= record.attemptLimit && last?.name !== "PermanentError") {
    return cause(
      "failed_retries_used_up",
      `It failed ${when} in attempt ${record.attempts}, and ${used(record.maxRetries)}.`,
      "Fix the error, then retry it by hand, which gives it a new budget of retries.",
      detail,
    );
  }
  return cause(
    "failed_permanently",
    `It failed ${when} in attempt ${record.attempts} with an error that no retry can fix.`,
    "Fix the error, then retry it by hand.",
    detail,
  );
}

function used(retries: number): string {
  if (retries === 0) return "it has no retries";
  return retries === 1 ? "its only retry is used up" : `its ${retries} retries are used up`;
}

function causesOfRunning(record: JobRecord, { census, at }: Known): Cause[] {
  const worker = record.worker ?? "";
  const since = ago(record.attemptedAt, at);
  if (census.workers.some(({ id }) => id === worker)) {
    const { fraction = null, message = null } = record.progress ?? {};
    const progress = fraction === null ? "" : ` It is ${percentOf(fraction)} done.`;
    const note = message === null ? "" : ` Its last message: ${message}`;
    return [
      cause(
        "running",
        `Attempt ${record.attempts} started ${since} on worker ${worker}, which is alive.${progress}${note}`,
        "Wait, or cancel it: job.signal tells its handler within a second. A worker that was killed a moment ago counts as alive until its lease expires; then another worker takes the job over.",
      ),
    ];
  }
  const overdue = cause(
    "lease_overdue",
    `Attempt ${record.attempts} started ${since} on worker ${worker}, which no longer sends heartbeats: its process ended, hangs or is cut off.`,
    "Make sure that a worker of this queue is running: any live one takes the job over within seconds after its lease expires. If the lost one's process still runs and computes without end, only kill -9 ends it.",
  );
  return census.workers.length > 0 ? [overdue] : [overdue, noWorker()];
}

function causesOfPending(record: JobRecord, facts: Known): Cause[] {
  const { census, at } = facts;
  const causes: Cause[] = [];
  if (record.v > RECORD_VERSION) causes.push(newerVersion(record, census));
  if (record.runAt > at) causes.push(notYet(record, at));
  const capable = census.workers.filter(({ tasks }) => tasks.includes(record.task));
  if (census.workers.length === 0) causes.push(noWorker());
  else if (capable.length === 0) causes.push(noWorkerForTask(record.task, census));
  // While it could not run anyway, whatever else holds it back does not matter yet.
  return causes.length > 0 ? causes : causesOfDue(record, capable, facts);
}

function causesOfDue(record: JobRecord, capable: readonly WorkerPresence[], facts: Known): Cause[] {
  const { task } = record;
  const loads = capable.map((worker) => loadOf(worker, task, facts));
  if (loads.includes("free")) {
    if (!isMoving(record, capable, facts)) return [notTaken(record, capable, facts.at)];
    return [facts.ahead > 0 ? behind(task, facts) : dueNow(task, capable)];
  }
  const causes: Cause[] = [];
  const full = capable.filter((_, index) => loads[index] === "slots");
  if (full.length > 0) causes.push(slotsBusy(task, full, facts));
  if (loads.includes("task")) causes.push(taskFull(task, capable, facts));
  if (facts.ahead > 0) causes.push(behind(task, facts));
  return causes;
}

/** Whether jobs that were ahead of it have just started: a slot that looks free is between two of them. */
function isMoving({ task, runAt }: JobRecord, capable: readonly WorkerPresence[], facts: Known): boolean {
  return runningOnAny(capable, facts).some(
    (job) => job.task === task && job.runAt <= runAt && facts.at - (job.attemptedAt ?? 0) < CLAIMED_WITHIN_MS,
  );
}

/** What a worker has used up: `"slots"`, all of its slots; `"task"`, those that the task may use. */
function loadOf(worker: WorkerPresence, task: string, facts: Known): "free" | "slots" | "task" {
  const limit = limitOf(worker, task);
  const [running, ofTask] = runningOn(worker, task, facts);
  if (running >= worker.slots) return "slots";
  return ofTask >= limit ? "task" : "free";
}

/** How many jobs a worker runs, in all and of a task; its share of the totals if too many are running to read them. */
function runningOn(worker: WorkerPresence, task: string, facts: Known): [all: number, ofTask: number] {
  const { census, running, isMoreRunning } = facts;
  if (!isMoreRunning) {
    const here = running.filter((job) => job.worker === worker.id);
    return [here.length, here.filter((job) => job.task === task).length];
  }
  const slots = census.workers.reduce((sum, other) => sum + other.slots, 0);
  const all = [...census.tasks.values()].reduce((sum, counts) => sum + counts.running, 0);
  const withTask = census.workers.filter(({ tasks }) => tasks.includes(task)).length;
  return [(all * worker.slots) / slots, (census.tasks.get(task)?.running ?? 0) / Math.max(1, withTask)];
}

function limitOf({ slots, concurrency }: WorkerPresence, task: string): number {
  // A task may be named like a property that every object inherits.
  return Object.hasOwn(concurrency, task) ? (concurrency[task] as number) : slots;
}

function unhealthy(fault: string): Cause {
  return cause(
    "backend_unhealthy",
    `Workers cannot claim jobs, because the queue's store is not healthy: ${fault}`,
    "Bring the store back. Workers then continue by themselves within seconds; no job is lost in the meantime.",
  );
}

function noWorker(): Cause {
  return cause(
    "no_worker",
    "No worker of this queue is alive.",
    "Start one: a process that defines the task on this queue, without worker: false. If one is running, check its log: it works on another queue (url, prefix), or sends no heartbeats.",
  );
}

function noWorkerForTask(task: string, { workers }: Census): Cause {
  const known = [...new Set(workers.flatMap(({ tasks }) => tasks))];
  const others = known.length === 0 ? "no tasks" : quoted(known);
  const [are, none, have] =
    workers.length === 1 ? ["is", "it does not have", "It has"] : ["are", "none has", "They have"];
  return cause(
    "no_worker_for_task",
    `${counted(workers.length, "worker")} of this queue ${are} alive, but ${none} the task '${task}'. ${have} ${others}.`,
    `Start a worker that defines a task named '${task}' and runs it (--task, --except), or rename the task to the name that its jobs were enqueued with.`,
  );
}

function newerVersion({ v }: JobRecord, { workers }: Census): Cause {
  const versions = [...new Set(workers.map(({ version }) => version))];
  const seen = versions.length === 0 ? "none is alive" : `those alive run ${quoted(versions)}`;
  return cause(
    "newer_record_version",
    `It was stored by a newer release of rapidai, in record version ${v}; this release knows versions up to ${RECORD_VERSION}. Only workers of a release that knows it can run it (${seen}).`,
    "Update the workers, or start one with the release that stored it.",
  );
}

function notYet(record: JobRecord, at: number): Cause {
  const when = `${inWords(record.runAt - at)} from now, at ${dateAt(record.runAt).toISOString()}`;
  const last = record.past.at(-1);
  if (last === undefined) {
    return cause(
      "delayed",
      `It was enqueued to start ${when}.`,
      "Wait, or cancel it and enqueue it again without the delay.",
    );
  }
  const left = record.attemptLimit - record.attempts;
  const next = left === 1 ? "the last attempt" : `the next of ${left} remaining attempts`;
  return cause(
    "waiting_for_retry",
    `Attempt ${record.attempts} failed ${ago(last.endedAt, at)}, and ${next} starts ${when}.`,
    "Wait, or cancel it and retry it by hand, which makes it due at once.",
    `${last.name}: ${last.message}`,
  );
}

function notTaken({ task, runAt }: JobRecord, capable: readonly WorkerPresence[], at: number): Cause {
  const waited = at - runAt;
  if (waited < CLAIMED_WITHIN_MS) return dueNow(task, capable);
  return cause(
    "not_claimed",
    `It has been due for ${inWords(waited)}. Workers have the task '${task}' and appear to have a free slot, but none claims it.`,
    "Check their logs: they may have been killed less than a lease ago, their event loop may be blocked, the store may reject their calls, or handlers that ignore a cancel or timeout may still hold their slots.",
  );
}

function dueNow(task: string, capable: readonly WorkerPresence[]): Cause {
  return cause(
    "due_now",
    `It is due, and ${capable.length === 1 ? "a worker has" : "workers have"} the task '${task}' and a free slot.`,
    "Nothing to do: it is about to be claimed.",
  );
}

function slotsBusy(task: string, full: readonly WorkerPresence[], facts: Known): Cause {
  const slots = full.reduce((sum, worker) => sum + worker.slots, 0);
  const jobs = runningOnAny(full, facts);
  const tasks = [...Map.groupBy(jobs, (job) => job.task)].sort(([, a], [, b]) => b.length - a.length);
  const most = tasks.map(([name, jobs]) => `${jobs.length} of '${name}'`);
  const [busiest = task] = tasks[0] ?? [];
  // Taking turns does not help where jobs that take long hold every slot.
  const keep = busiest === task ? "" : ` To keep slots for other tasks, give '${busiest}' a lower concurrency.`;
  const [all, are, run] = slots === 1 ? ["The only slot", "is", "It runs"] : [`All ${slots} slots`, "are", "They run"];
  const by = most.length === 0 ? "" : ` ${run} ${listed(most, LISTED)}.`;
  const [longest, remedy] = longestOf(jobs, facts);
  return cause(
    "slots_busy",
    `${all} of the ${counted(full.length, "worker")} that ${full.length === 1 ? "has" : "have"} the task '${task}' ${are} busy.${by}${longest}`,
    `Wait, raise the queue's concurrency, or start more workers.${keep}${remedy}`,
  );
}

function taskFull(task: string, capable: readonly WorkerPresence[], facts: Known): Cause {
  const limit = capable.reduce((sum, worker) => sum + Math.min(worker.slots, limitOf(worker, task)), 0);
  const jobs = runningOnAny(capable, facts).filter((job) => job.task === task);
  const [longest, remedy] = longestOf(jobs, facts);
  return cause(
    "task_concurrency_full",
    `The task '${task}' already runs as many jobs as its concurrency allows: ${limit} on ${counted(capable.length, "worker")}.${longest}`,
    `Wait, raise the task's concurrency, or start more workers.${remedy}`,
  );
}

function runningOnAny(workers: readonly WorkerPresence[], { running }: Known): JobRecord[] {
  const ids = new Set(workers.map(({ id }) => id));
  return running.filter(({ worker }) => worker !== null && ids.has(worker));
}

/** Names the job that has held its slot longest: it may hang. Nothing if too many are running to know which it is. */
function longestOf(jobs: readonly JobRecord[], { at, isMoreRunning }: Known): [message: string, remedy: string] {
  const sinceOf = ({ attemptedAt }: JobRecord) => attemptedAt ?? at;
  const [longest] = jobs.toSorted((a, b) => sinceOf(a) - sinceOf(b));
  if (longest === undefined || isMoreRunning || at - sinceOf(longest) < NOTABLE_MS) return ["", ""];
  return [
    ` Job ${longest.id} has run longest, for ${inWords(at - sinceOf(longest))}.`,
    " If that job hangs, cancel it, and give its task a timeout.",
  ];
}

function behind(task: string, { ahead, isMoreAhead }: Known): Cause {
  return cause(
    "behind_others",
    `${isMoreAhead ? "At least " : ""}${counted(ahead, "job")} of the task '${task}' ${ahead === 1 ? "is" : "are"} ahead of it in the queue.`,
    "Wait, start more workers, or cancel jobs that are not needed.",
  );
}

function cause(code: CauseCode, message: string, remedy: string, detail: string | null = null): Cause {
  return { code, message, remedy, detail };
}

function ago(instant: number | null, at: number): string {
  return instant === null ? "at an unknown time" : `${inWords(at - instant)} ago`;
}

/** Items to list before "and N more". */
const LISTED = 5;

function quoted(items: readonly string[]): string {
  const texts = items.map((item) => `'${item}'`);
  return listed(texts, LISTED);
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
