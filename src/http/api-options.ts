import { nonThrowingLogger } from "../app/logger.ts";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { Repeats } from "../background/engine/repeats.ts";
import type { AnyTask } from "../background/engine/task.ts";
import { type Auth, Guard } from "./guard.ts";
import { PAGE_BOUNDS, type PageBounds } from "./job-pages.ts";
import type { FailureLog } from "./log-failure.ts";
import type { Redact } from "./redaction.ts";

/** What requests may cost. */
export interface JobsApiLimits {
  /** Bytes of a request's body; default 2 MiB, twice a payload's. */
  readonly body?: number | undefined;
  /**
   * Requests of one client: per second in the long run, and at once after a pause. Default: 50 and 200. All clients of one network
   * that `auth` has not let in yet share 5 and 20, or these numbers where they are less.
   */
  readonly rate?: { readonly perSecond?: number | undefined; readonly burst?: number | undefined } | undefined;
  /** How long an answer may take; default `"10s"`. */
  readonly timeout?: Duration | undefined;
  /** Live streams at a time; default 200. */
  readonly viewers?: number | undefined;
  /** Jobs that a search looks at in one request, at most; default 1,000. */
  readonly searched?: number | undefined;
  /** For how long a search looks in one request, at most, but for the page that it is at; default `"50ms"`. */
  readonly searchTime?: Duration | undefined;
}

/** How a jobs API is set up. */
export interface JobsApiOptions {
  /** Whose jobs are shown. */
  readonly queue: JobQueue;
  /** What can be enqueued by name. Default: the tasks that this process made on the queue. */
  readonly tasks?: readonly AnyTask[] | undefined;
  /** Whether any task's name can be enqueued, also one that only other processes know; default false. */
  readonly allowUnknownTasks?: boolean | undefined;
  /** Who may do what. Without it, requests are answered only when they come from this machine. */
  readonly auth?: Auth | undefined;
  /** What the paths of requests begin with, as the handler sees them: `"/admin/jobs"`. Default: nothing. */
  readonly basePath?: string | undefined;
  /** Refuses every change; default false. */
  readonly readOnly?: boolean | undefined;
  /** Takes out of jobs what is not to be seen. */
  readonly redact?: Redact | undefined;
  /** Host names that requests may be sent to. Default: with `auth` any, without it loopback's alone. */
  readonly hosts?: readonly string[] | undefined;
  /** Other origins whose pages may ask and send changes. Default: none. */
  readonly origins?: readonly string[] | undefined;
  readonly limits?: JobsApiLimits | undefined;
  /** Prometheus text that is added to `/metrics`. */
  readonly metrics?: (() => string | Promise<string>) | undefined;
  /** Where errors go that a client is not to blame for. Default: the console. */
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

/** Options with all defaults filled in. */
export interface ApiSettings extends FailureLog {
  readonly queue: JobQueue;
  readonly tasks: readonly AnyTask[] | undefined;
  readonly allowUnknownTasks: boolean;
  readonly guard: Guard;
  /** Empty, or a path that begins with a slash and does not end in one. */
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
  if (typeof queue?.listJobs !== "function") throw new JobError("invalid_option", "jobsApi() was given no queue.");
  for (const [name, hook] of Object.entries({ redact, metrics, auth })) {
    if (hook !== undefined && typeof hook !== "function") {
      throw new JobError("invalid_option", `The option ${name} of jobsApi() is no function.`);
    }
  }
  if (tasks !== undefined && !Array.isArray(tasks)) {
    throw new JobError("invalid_option", "The option tasks of jobsApi() has to be a list of tasks.");
  }
  const stranger = tasks?.find((task) => task.queue !== queue);
  if (stranger !== undefined) {
    throw new JobError(
      "invalid_option",
      `The task '${stranger.name}' of jobsApi() is on another queue: make it with background({ queue }, handler), or leave it out.`,
      { task: stranger.name },
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
    allowUnknownTasks: options.allowUnknownTasks === true,
    guard: new Guard({
      auth,
      readOnly: options.readOnly,
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
    throw new JobError("invalid_option", 'The basePath of jobsApi() has to be a path such as "/admin/jobs".');
  }
  return path.replace(/\/$/, "");
}
