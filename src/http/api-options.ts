import { nonThrowingLogger } from "../app/logger.ts";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, flag, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { Repeats } from "../background/engine/repeats.ts";
import type { AnyTask } from "../background/engine/task.ts";
import { type Auth, Guard } from "./guard.ts";
import { PAGE_BOUNDS, type PageBounds } from "./job-pages.ts";
import type { FailureLog } from "./log-failure.ts";
import type { Redact } from "./redaction.ts";

/** Limits on requests. */
export interface JobsApiLimits {
  /** Maximum size of a request body, in bytes. Default: 2 MiB, twice the limit of a payload. */
  readonly body?: number | undefined;
  /**
   * Rate limit for each client: sustained requests per second, and the size of a burst. Default: 50 and 200. All
   * clients of a network that `auth` has not accepted yet share 5 and 20, or these values if they are lower.
   */
  readonly rate?: { readonly perSecond?: number | undefined; readonly burst?: number | undefined } | undefined;
  /** How long answering a request may take. Default: `"10s"`. */
  readonly timeout?: Duration | undefined;
  /** Maximum number of concurrent live streams. Default: 200. */
  readonly viewers?: number | undefined;
  /** Maximum number of jobs that one search request examines. Default: 1,000. */
  readonly searched?: number | undefined;
  /** Time after which a search request reads no further jobs. Default: `"50ms"`. */
  readonly searchTime?: Duration | undefined;
}

/** Options of {@link jobsApi}. */
export interface JobsApiOptions {
  /** The queue whose jobs are shown. */
  readonly queue: JobQueue;
  /** The tasks that can be enqueued. Default: those that this process has created on the queue. */
  readonly tasks?: readonly AnyTask[] | undefined;
  /** Whether any task name can be enqueued, even one that only other processes know. Default: false. */
  readonly allowUnknownTasks?: boolean | undefined;
  /** Authenticates requests. Without it, only requests from this machine are answered. */
  readonly auth?: Auth | undefined;
  /** The path prefix of requests, as the handler sees them: `"/admin/jobs"`. Default: none. */
  readonly basePath?: string | undefined;
  /** Whether to refuse all changes. Default: false. */
  readonly readOnly?: boolean | undefined;
  /** Removes confidential data from jobs before they are shown. Default: shows everything. */
  readonly redact?: Redact | undefined;
  /** Host names under which requests are answered, in addition to loopback. Default: any with `auth`, else none. */
  readonly hosts?: readonly string[] | undefined;
  /** Other origins whose pages may send requests. Default: none. */
  readonly origins?: readonly string[] | undefined;
  readonly limits?: JobsApiLimits | undefined;
  /** Returns Prometheus text that is appended to `/metrics`. */
  readonly metrics?: (() => string | Promise<string>) | undefined;
  /** Receives errors that are not the client's fault. Default: the console. */
  readonly logger?: Logger | undefined;
}

const OPTIONS = [
  "queue",
  "tasks",
  "allowUnknownTasks",
  "auth",
  "basePath",
  "readOnly",
  "redact",
  "hosts",
  "origins",
  "limits",
  "metrics",
  "logger",
];

/** Validated options, with defaults filled in. */
export interface ApiSettings extends FailureLog {
  readonly queue: JobQueue;
  readonly tasks: readonly AnyTask[] | undefined;
  readonly allowUnknownTasks: boolean;
  readonly guard: Guard;
  /** Empty, or a path with a leading slash and no trailing one. */
  readonly basePath: string;
  readonly redact: Redact | undefined;
  readonly bodyLimit: number;
  readonly timeoutMs: number;
  readonly viewers: number;
  readonly pages: PageBounds;
  readonly metrics: (() => string | Promise<string>) | undefined;
}

/** @throws JobError `invalid_option` */
export function apiSettings(options: JobsApiOptions): ApiSettings {
  checkOptions(options, OPTIONS, "options of jobsApi()");
  const { queue, tasks, limits = {}, redact, metrics, auth, logger = console } = options;
  const { readOnly = false, allowUnknownTasks = false } = options;
  if (typeof queue?.listJobs !== "function") throw new JobError("invalid_option", "jobsApi() needs a queue.");
  for (const [name, hook] of Object.entries({ redact, metrics, auth })) {
    if (hook !== undefined && typeof hook !== "function") {
      throw new JobError("invalid_option", `The ${name} option of jobsApi() must be a function.`);
    }
  }
  if (tasks !== undefined && !Array.isArray(tasks)) {
    throw new JobError("invalid_option", "The tasks option of jobsApi() must be an array of tasks.");
  }
  const foreign = tasks?.find((task) => task.queue !== queue);
  if (foreign !== undefined) {
    throw new JobError(
      "invalid_option",
      `The task '${foreign.name}' of jobsApi() is on another queue: define it with background({ queue }, handler), or leave it out.`,
      { task: foreign.name },
    );
  }
  checkOptions(limits, ["body", "rate", "timeout", "viewers", "searched", "searchTime"], "limits of jobsApi()");
  const { body = 2 * 1_048_576, rate = {}, timeout = "10s", viewers = 200, searched = PAGE_BOUNDS.searched } = limits;
  const { searchTime = PAGE_BOUNDS.searchMs } = limits;
  checkOptions(rate, ["perSecond", "burst"], "limits.rate of jobsApi()");
  const { perSecond = 50, burst = 200 } = rate;
  const timeoutMs = toMs(timeout, "limits.timeout of jobsApi()");
  return {
    queue,
    tasks,
    allowUnknownTasks: flag(allowUnknownTasks, "allowUnknownTasks option of jobsApi()"),
    guard: new Guard({
      auth,
      readOnly: flag(readOnly, "readOnly option of jobsApi()"),
      hosts: options.hosts,
      origins: options.origins,
      rate: {
        perSecond: wholeNumber(perSecond, 1, "limits.rate.perSecond of jobsApi()"),
        burst: wholeNumber(burst, 1, "limits.rate.burst of jobsApi()"),
      },
      timeoutMs,
    }),
    basePath: basePathOf(options.basePath),
    redact,
    bodyLimit: wholeNumber(body, 1, "limits.body of jobsApi()"),
    timeoutMs,
    viewers: wholeNumber(viewers, 0, "limits.viewers of jobsApi()"),
    pages: {
      ...PAGE_BOUNDS,
      searched: wholeNumber(searched, 1, "limits.searched of jobsApi()", 100_000),
      searchMs: toMs(searchTime, "limits.searchTime of jobsApi()"),
    },
    metrics,
    logger: nonThrowingLogger(logger, "jobsApi()"),
    repeats: new Repeats(),
  };
}

function basePathOf(path: string | undefined): string {
  if (path === undefined || path === "" || path === "/") return "";
  if (typeof path !== "string" || !/^(?:\/[A-Za-z0-9._~-]+)+\/?$/.test(path)) {
    throw new JobError("invalid_option", 'The basePath of jobsApi() must be a path such as "/admin/jobs".');
  }
  return path.replace(/\/$/, "");
}
