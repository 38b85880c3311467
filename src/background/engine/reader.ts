import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { MAX_PAGE } from "../core/limits.ts";
import { isJobId } from "../core/names.ts";
import { checkOptions } from "../core/options.ts";
import { detailsOf, type Estimate, type JobDetails, type JobResult, resultOf } from "../core/result.ts";
import { type JobStatus, parseJobStatus } from "../core/status.ts";
import type { JobRecord, ListFilter, Store } from "../core/store.ts";
import { shown } from "../core/text.ts";
import { Batcher } from "./batcher.ts";
import { DecodingPace } from "./decoding-pace.ts";
import { Durations } from "./durations.ts";

/** Which jobs `listJobs` returns. */
export interface JobFilter {
  /** Only jobs in this state. */
  readonly status?: JobStatus | undefined;
  /** Only jobs of this task. */
  readonly task?: string | undefined;
  /** Most jobs to return, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** Only jobs older than this id: the last one of the previous page. */
  readonly before?: string | undefined;
}

/** Reads jobs and turns records into the snapshots that users get. */
export class Reader {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #durations: Durations;
  readonly #pace = new DecodingPace();
  readonly #gets: Batcher<string, JobRecord | null>;
  readonly #detailed: Batcher<string, JobRecord | null>;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#durations = new Durations(store, clock);
    this.#gets = new Batcher((ids) => store.get(ids, { isDetailed: false, holdMs: 0 }));
    this.#detailed = new Batcher((ids) => store.get(ids, { isDetailed: true, holdMs: 0 }));
  }

  /** `null` for an id that is unknown or malformed. */
  async result(id: unknown): Promise<JobResult | null> {
    const record = isJobId(id) ? await this.#gets.add(id) : null;
    return record ? this.show(record) : null;
  }

  async details(id: unknown): Promise<JobDetails | null> {
    const record = isJobId(id) ? await this.#detailed.add(id) : null;
    if (!record) return null;
    const estimate = await this.#estimateOf(record);
    await this.#pace.take(sizeOf(record));
    return detailsOf(record, estimate);
  }

  /** @throws JobError `invalid_filter`, `invalid_status` */
  async list(filter: JobFilter): Promise<JobResult[]> {
    const records = await this.#store.list(checkFilter(filter));
    return Promise.all(records.map((record) => this.show(record)));
  }

  async show(record: JobRecord): Promise<JobResult> {
    const estimate = await this.#estimateOf(record);
    await this.#pace.take(sizeOf(record));
    return resultOf(record, estimate);
  }

  async #estimateOf({ status, task, progress }: JobRecord): Promise<Estimate> {
    const isUnknown = status === "running" && !progress?.fraction;
    return { now: this.#clock.now(), usualMs: isUnknown ? await this.#durations.usualMs(task) : null };
  }
}

function sizeOf({ payload, result }: JobRecord): number {
  return payload.length + (result ?? "").length;
}

function checkFilter(filter: JobFilter): ListFilter {
  try {
    checkOptions(filter, ["status", "task", "limit", "before"], "filters of listJobs()");
  } catch (error) {
    throw new JobError("invalid_filter", (error as Error).message);
  }
  const { status, task, limit = 100, before } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new JobError(
      "invalid_filter",
      `The limit of listJobs() must be a whole number from 1 to ${MAX_PAGE}, not ${shown(limit)}.`,
    );
  }
  if (task !== undefined && typeof task !== "string") {
    throw new JobError(
      "invalid_filter",
      `The task of listJobs() must be a task's name, not a value of type ${typeof task}.`,
    );
  }
  if (before !== undefined && !isJobId(before)) {
    throw new JobError(
      "invalid_filter",
      "The before of listJobs() is not a job id: use the last id of the previous page.",
    );
  }
  return {
    status: status === undefined ? null : parseJobStatus(status),
    task: task ?? null,
    before: before ?? null,
    limit,
    isBrief: false,
  };
}
