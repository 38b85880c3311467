import { type Backend, backendOf, hintAbout, schemeOf, sqlitePathOf, withoutPassword } from "./backend-url.ts";
import { JobError } from "./core/errors.ts";
import { checkOptions, flag, text } from "./core/options.ts";
import { shown } from "./core/text.ts";
import { refuseDuplicate, type TaskDefinition } from "./engine/definition.ts";
import type { JobQueue } from "./engine/queue.ts";
import { QUEUE_OPTIONS, type QueueOptions, queueSettings } from "./engine/queue-options.ts";
import { DEFAULT_PREFIX, InMemoryQueue, KEPT_IN_MEMORY, RedisQueue, SqliteQueue } from "./queues.ts";

/** The backend of the default queue, and its settings. */
export interface GetQueueOptions extends QueueOptions {
  /** Default: that of `url`, else that of RAPIDAI_QUEUE_URL, else `"memory"`. */
  readonly backend?: Backend | undefined;
  /** `memory:`, `sqlite:PATH`, or any url that a `RedisQueue` takes; `null` is the same as leaving it out. */
  readonly url?: string | null | undefined;
  /** What all keys in Redis begin with; default `"rapidai:jobs:"`. Other backends ignore it. */
  readonly prefix?: string | undefined;
  /** Whether to accept a Redis that evicts keys when its memory is full; default false. Other backends ignore it. */
  readonly allowEviction?: boolean | undefined;
}

/** Where the default queue is. */
export interface Choice {
  readonly backend: Backend;
  readonly url: string;
}

type Settings = Omit<GetQueueOptions, "backend" | "url">;

interface Default {
  readonly queue: JobQueue;
  readonly choice: Choice;
  /** The settings it was made with. */
  readonly settings: Settings;
}

/** What the command line's worker asks of the default queue, which the modules that it loads make. */
interface Preset {
  readonly choice: Choice;
  /** These override those of `getQueue`. */
  readonly settings: Settings;
  /** Called with each default queue, before it has tasks. */
  readonly onMade: (queue: JobQueue) => void;
}

const COPIES = Symbol.for("rapidai.copies");

interface Copies {
  [COPIES]?: number;
}

const GET_QUEUE_OPTIONS: readonly string[] = ["backend", "url", "prefix", "allowEviction", ...QUEUE_OPTIONS];

const DEFAULT_URLS: Readonly<Record<Backend, string>> = {
  memory: "memory:",
  sqlite: "sqlite:jobs.db",
  redis: "redis://localhost:6379",
};

countCopy(globalThis as Copies);

/** Warns of a second copy of this package, as bundlers make them, with a default queue of its own that nothing shows. */
function countCopy(holder: Copies): void {
  const copies = (holder[COPIES] ?? 0) + 1;
  holder[COPIES] = copies;
  if (copies !== 2) return;
  process.emitWarning(
    "Two copies of rapidai are loaded in this process, each with its own default queue and current job: leave it out of the bundle (external), and import it in only one way.",
  );
}

let current: Default | undefined;
let preset: Preset | undefined;
/** All tasks made for the default queue, by name: if it is closed and made again, they are attached to the new one. */
const allTasks = new Map<string, TaskDefinition>();
/** Tasks made before there is a default queue. */
const unattached = new Set<TaskDefinition>();
/** Tasks that were attached again to a new default queue. One of the same name replaces them: the program is set up again. */
const carriedOver = new WeakSet<TaskDefinition>();

/**
 * The default queue, which tasks without a queue of their own use. The first call makes it, from its options or from
 * RAPIDAI_QUEUE_URL; later ones return it. Once it is closed, the next call makes a new one.
 *
 * @throws JobError `queue_conflict` if it exists with different options; `unknown_backend`, `backend_unavailable`,
 * `invalid_option`
 * @example
 * ```ts
 * const queue = getQueue();
 * const failed = await queue.listJobs({ status: "failed" });
 * ```
 * @example
 * ```ts
 * getQueue({ worker: false }); // this process only enqueues: others run the jobs
 * ```
 */
export function getQueue(options: GetQueueOptions = {}): JobQueue {
  checkOptions(options, GET_QUEUE_OPTIONS, "options of getQueue()");
  const { backend, url, ...asked } = options;
  const settings = { ...asked, ...preset?.settings };
  if (settings.prefix !== undefined) text(settings.prefix, "prefix of getQueue()");
  if (settings.allowEviction !== undefined) flag(settings.allowEviction, "allowEviction option of getQueue()");
  const isUnspecified = backend === undefined && (url ?? undefined) === undefined;
  const place = current?.choice ?? preset?.choice;
  const choice = isUnspecified && place !== undefined ? place : choiceOf(options);
  const isSamePlace = place === undefined || isSame(place, choice);
  const others = current === undefined ? [] : otherSettings(current, settings);
  if (isSamePlace && others.length === 0) {
    if (current !== undefined) return current.queue;
    const queue = make(choice, settings);
    preset?.onMade(queue);
    if (choice.backend === "memory" && isUnspecified) warnOfMemory();
    return adoptDefault(queue, choice, settings);
  }
  const difference = isSamePlace
    ? `with different settings (${others.join(", ")})`
    : `and cannot also be on ${describe(choice)}`;
  throw new JobError(
    "queue_conflict",
    `The default queue is already on ${describe(place ?? choice)} ${difference}: call getQueue() with options only once, before the first task is defined or used; set RAPIDAI_QUEUE_URL; or create a second queue and set it on the tasks that need it, background({ queue }, …).`,
  );
}

/** Decides where the default queue is, and some of its settings, before it is made. */
export function presetDefault(given: Preset): void {
  preset = given;
}

/** Warns in production, where a queue in memory mostly means that the variable was forgotten. */
function warnOfMemory(): void {
  if (process.env.NODE_ENV !== "production" || process.env.RAPIDAI_QUEUE_URL) return;
  process.emitWarning(
    "The default queue is in memory because RAPIDAI_QUEUE_URL is not set: its jobs are lost when this process ends. Set it to redis://… or sqlite:PATH, or to memory: if that is intended.",
  );
}

/**
 * Attaches a task to the default queue. If there is none yet, it is made one turn of the event loop later, so that the
 * program can still choose which.
 *
 * @throws JobError `duplicate_task`
 */
export function attachToDefault(definition: TaskDefinition): void {
  const before = allTasks.get(definition.name);
  if (current !== undefined) {
    current.queue.attach(definition, { isReplacing: before !== undefined && carriedOver.has(before) });
  } else {
    if (before !== undefined && unattached.has(before)) refuseDuplicate(definition.name);
    if (unattached.size === 0) setImmediate(attachAll);
    // The replaced task goes first: a queue that did not know it would take it for the newer one when it is used.
    if (before !== undefined) unattached.add(before);
    unattached.add(definition);
  }
  allTasks.set(definition.name, definition);
}

/** Makes the default queue, unless that was done, which attaches the tasks made before. */
function attachAll(): void {
  try {
    if (unattached.size > 0) getQueue();
  } catch (error) {
    // No call gets this error; an enqueue will reject with the same one.
    process.emitWarning(error as Error);
  }
  unattached.clear();
}

/**
 * Makes a queue the default one.
 *
 * @param settings what it was made with, as far as these are options of `getQueue`
 * @throws JobError `queue_conflict` if there is one already
 */
export function adoptDefault(queue: JobQueue, choice: Choice, settings: Settings): JobQueue {
  if (current !== undefined) {
    throw new JobError(
      "queue_conflict",
      `The default queue is already on ${describe(current.choice)}: close it first with await getQueue().close().`,
    );
  }
  current = { queue, choice, settings };
  for (const definition of allTasks.values()) {
    if (unattached.has(definition)) continue;
    queue.attach(definition);
    carriedOver.add(definition);
  }
  for (const definition of unattached) queue.attach(definition, { isReplacing: true });
  unattached.clear();
  queue.closed.then(() => {
    if (current?.queue === queue) current = undefined;
  });
  return queue;
}

function choiceOf({ backend, url }: GetQueueOptions): Choice {
  if (backend !== undefined && !(typeof backend === "string" && Object.hasOwn(DEFAULT_URLS, backend))) {
    throw new JobError(
      "unknown_backend",
      `The backend of getQueue() must be "memory", "sqlite" or "redis", not ${shown(backend)}.`,
    );
  }
  const named = url == null ? undefined : text(url, "url of getQueue()");
  const fromEnvironment = process.env.RAPIDAI_QUEUE_URL || undefined;
  // The environment does not override an explicit backend, but may say where it is.
  const isFitting = fromEnvironment !== undefined && (backend === undefined || backendOf(fromEnvironment) === backend);
  const where = named ?? (isFitting ? fromEnvironment : undefined) ?? DEFAULT_URLS[backend ?? "memory"];
  const meant = backendOf(where);
  if (meant === undefined) {
    const source = named === undefined ? "RAPIDAI_QUEUE_URL" : "The url of getQueue()";
    throw new JobError(
      "unknown_backend",
      `${source} cannot begin with ${shown(schemeOf(where))}: use memory:, sqlite:PATH, redis://, rediss:// or redis+sentinel://.${hintAbout(where)}`,
    );
  }
  if (backend !== undefined && backend !== meant) {
    throw new JobError(
      "unknown_backend",
      `The backend of getQueue() is "${backend}", but its url is for "${meant}": pass only one of them, or make them match.`,
    );
  }
  return { backend: meant, url: where.replace(schemeOf(where), (scheme) => scheme.toLowerCase()) };
}

function make({ backend, url }: Choice, { prefix, allowEviction, ...options }: Settings): JobQueue {
  if (backend === "sqlite") return new SqliteQueue({ ...options, path: sqlitePathOf(url) });
  if (backend === "memory") return new InMemoryQueue(options);
  return new RedisQueue({ ...options, url, prefix, allowEviction });
}

/** The names of the requested settings that differ from the queue's own. */
function otherSettings({ choice, settings }: Default, asked: Settings): string[] {
  const own = filledIn(choice, settings);
  const isOther = ([name, value]: [string, unknown]) =>
    value !== undefined && !isSame(own, filledIn(choice, { ...settings, [name]: value }));
  return Object.entries(asked)
    .filter(isOther)
    .map(([name]) => name);
}

/** Settings with defaults filled in, so that different notations of the same are equal. */
function filledIn({ backend }: Choice, settings: Settings): object {
  const { prefix = DEFAULT_PREFIX, allowEviction = false, ...options } = settings;
  const { retention, limits, ...others } = queueSettings(options, backend === "memory" ? KEPT_IN_MEMORY : undefined);
  return { prefix, allowEviction, ...others, ...retention, ...limits };
}

function isSame<T extends object>(one: T, other: T): boolean {
  const values = new Map<string, unknown>(Object.entries(other));
  return Object.entries(one).every(([key, value]) => Object.is(value, values.get(key)));
}

function describe({ backend, url }: Choice): string {
  return backend === "memory" ? "memory" : withoutPassword(url);
}
