import { JOB_STATUSES } from "../background/core/status.ts";

/** A JSON Schema of draft 2020-12, as used by OpenAPI 3.1. */
export type Schema = { readonly [keyword: string]: unknown };

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const number: Schema = { type: "number" };
const whole: Schema = { type: "integer", minimum: 0 };
const instant: Schema = { type: "string", format: "date-time" };
const jobId: Schema = { type: "string", format: "uuid", description: "A lower-case UUIDv7." };
const status: Schema = { type: "string", enum: JOB_STATUSES };
const anything: Schema = {};

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

/** An object with all of these properties; later releases may add others. */
function object(properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { type: "object", properties, required: Object.keys(properties), ...more };
}

/** An error, whose code is optional. */
function withCode(properties: Readonly<Record<string, Schema>>): Schema {
  return object(properties, { properties: { ...properties, code: text } });
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const progress = object({
  fraction: orNull(number),
  done: orNull(number),
  total: orNull(number),
  message: orNull(text),
});
const usage = object({ inputTokens: number, outputTokens: number, cost: orNull(number) });
const thrown = { name: text, message: text, stack: orNull(text) };
const failure = withCode(thrown);
const counts = object(Object.fromEntries(JOB_STATUSES.map((name) => [name, whole])));
const byTask: Schema = { type: "object", additionalProperties: counts };
const quantiles = object({ p50: number, p95: number });

const job = {
  jobId,
  task: text,
  status,
  result: anything,
  error: orNull(text),
  errors: list(withCode({ attempt: whole, ...thrown, at: instant })),
  createdAt: instant,
  startedAt: orNull(instant),
  attemptedAt: orNull(instant),
  completedAt: orNull(instant),
  runAt: instant,
  attempts: whole,
  maxRetries: whole,
  progress: orNull(progress),
  estimatedCompletion: orNull(instant),
  usage: orNull(usage),
  isDone: flag,
  duration: orNull(number),
};

const details = {
  ...job,
  payload: anything,
  logs: list(text),
  history: list(
    object({
      attempt: whole,
      status: { type: "string", enum: ["running", "completed", "failed", "cancelled"] },
      worker: orNull(text),
      startedAt: instant,
      endedAt: orNull(instant),
      error: orNull(failure),
    }),
  ),
  worker: orNull(text),
  cancelledBy: orNull(text),
  attemptLimit: whole,
  losses: whole,
  trace: { ...orNull(text), description: "A W3C traceparent, optionally followed by a space and a tracestate." },
};

const error = object({ code: text, message: text });
/** An instant in a request. */
export const INSTANT: Schema = { anyOf: [instant, whole] };
const selection = {
  status,
  task: text,
  before: jobId,
  from: { ...INSTANT, description: "Only jobs created at this time or later." },
  to: { ...INSTANT, description: "Only jobs created before this time." },
  search: { type: "string", maxLength: 200 },
  limit: { type: "integer", minimum: 1, maximum: 1_000, default: 100 },
} satisfies Record<string, Schema>;

/** The schemas of bodies and responses. A `redact` hook may make jobs deviate from theirs. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Job: object(job),
  JobDetails: object(details),
  JobPage: object({
    jobs: list(ref("Job")),
    next: { ...orNull(jobId), description: "The `before` of the next page; null at the end." },
    isPartial: { ...flag, description: "Whether a limit was reached before the page was full." },
    looked: { ...whole, description: "Jobs examined." },
  }),
  NewJob: {
    type: "object",
    properties: {
      task: text,
      payload: anything,
      id: jobId,
      delay: { anyOf: [number, text], description: "Milliseconds, or a string such as 30s." },
      runAt: INSTANT,
      maxRetries: {
        ...whole,
        description: "Attempts after the first. Default: the task's own, or 3 if the task is not known here.",
      },
    },
    required: ["task"],
    additionalProperties: false,
  },
  JobId: object({ jobId }),
  Cancelled: object({ isCancelled: flag }),
  Retried: object({ isRetried: flag }),
  NotCancelled: object({ isCancelled: flag, error }),
  NotRetried: object({ isRetried: flag, error }),
  By: { type: "object", properties: { by: text } },
  Nothing: { type: "object" },
  Bulk: {
    type: "object",
    properties: { ...selection, by: text, all: { ...flag, description: "Must be true if there is no filter." } },
    additionalProperties: false,
  },
  BulkAnswer: object({ changed: whole, looked: whole, next: orNull(jobId) }),
  Explanation: object({
    jobId,
    task: orNull(text),
    status: orNull(status),
    summary: text,
    causes: { ...list(object({ code: text, message: text, remedy: text, detail: orNull(text) })), minItems: 1 },
    at: instant,
  }),
  Waiting: object({
    tasks: list(
      object({
        task: text,
        pending: whole,
        oldest: object({ jobId, createdAt: instant }),
        explanation: ref("Explanation"),
      }),
    ),
    more: whole,
  }),
  Counts: object({ byStatus: counts, byTask }),
  Health: object({
    isHealthy: flag,
    store: text,
    error: orNull(text),
    latencyMs: number,
    workers: list(
      object({
        id: text,
        tasks: list(text),
        slots: whole,
        concurrency: { type: "object", additionalProperties: number },
        version: text,
      }),
    ),
    warnings: list(object({ code: text, message: text, remedy: text })),
    details: { type: "object" },
  }),
  Tasks: object({ here: list(text), stored: list(text), enqueueable: list(text) }),
  Stats: object({
    everyMs: whole,
    points: list(
      object({
        at: instant,
        byStatus: counts,
        byTask,
        throughput: orNull(number),
        failures: orNull(number),
        runMs: orNull(quantiles),
        waitMs: orNull(quantiles),
      }),
    ),
  }),
  Error: object({ error }),
};

/** The filters of a listing, as query parameters. */
export const SELECTION: Readonly<Record<string, Schema>> = selection;
