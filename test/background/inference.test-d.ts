import { type } from "arktype";
import {
  type AnyTask,
  type AttemptEvent,
  background,
  type CompletedJob,
  type Durability,
  type Duration,
  type EnqueueArgs,
  type Enqueueable,
  type FinishedJob,
  getQueue,
  InMemoryQueue,
  type Job,
  type JobEvent,
  type JobQueue,
  type JobResult,
  JobStatus,
  type QueueEvents,
  type RedisClient,
  type RedisQueueOptions,
  type SqliteQueueOptions,
  type StandardSchemaV1,
  type Task,
  type TaskOptions,
  type TaskOptionsWithoutSchema,
  type TaskOptionsWithSchema,
} from "rapidai/background";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

declare const queue: JobQueue;
type Document = { docId: string; userId: string };

const processDocument = background({ maxRetries: 3 }, async function processDocument({ docId }: Document, job) {
  expectTypeOf(job).toEqualTypeOf<Job>();
  return { docId, status: "processed" };
});

test("payload and result are inferred from the handler and follow through every method", () => {
  type Result = { docId: string; status: string };
  expectTypeOf(processDocument).toEqualTypeOf<Task<Document, Result>>();
  expectTypeOf(processDocument).parameters.toEqualTypeOf<[payload: Document]>();
  expectTypeOf(processDocument).returns.toEqualTypeOf<Promise<Result>>();
  expectTypeOf(processDocument.enqueue).parameter(0).toEqualTypeOf<Document>();
  expectTypeOf(processDocument.enqueue).returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf(processDocument.enqueueMany).parameter(0).toEqualTypeOf<readonly Document[]>();
  expectTypeOf(processDocument.enqueueMany).returns.toEqualTypeOf<Promise<string[]>>();
  expectTypeOf(processDocument.getResult).returns.toEqualTypeOf<Promise<JobResult<Result> | null>>();
  expectTypeOf(processDocument.wait).returns.toEqualTypeOf<Promise<FinishedJob<Result>>>();
  expectTypeOf(processDocument.cancel).returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(processDocument.name).toEqualTypeOf<string>();
  expectTypeOf(processDocument.queue).toEqualTypeOf<JobQueue>();
});

test("without options it infers the same", () => {
  const task = background(async function length(text: string) {
    return text.length;
  });
  expectTypeOf(task).toEqualTypeOf<Task<string, number>>();
  expectTypeOf(
    background(function sync(_: boolean): "yes" | "no" {
      return "yes";
    }),
  ).toEqualTypeOf<Task<boolean, "yes" | "no">>();
});

test("a handler that returns either a value or a promise has a result of both types", () => {
  const cache = new Map<string, string>();
  const lookUp = background({ name: "look-up" }, (url: string) =>
    cache.has(url) ? ("cached" as const) : fetch(url).then((response) => response.status),
  );
  expectTypeOf(lookUp).toEqualTypeOf<Task<string, "cached" | number>>();
  const alone = background((isLater: boolean): Promise<number> | string => (isLater ? Promise.resolve(1) : "now"));
  expectTypeOf(alone).toEqualTypeOf<Task<boolean, string | number>>();
  const checked = background({ schema: z.string() }, (text) => (text === "" ? null : Promise.resolve(text)));
  expectTypeOf(checked).toEqualTypeOf<Task<string, string | null>>();
});

test("types may be given instead of being inferred", () => {
  const task = background<{ n: number }, string>({ maxRetries: 1 }, async ({ n }) => String(n));
  expectTypeOf(task).toEqualTypeOf<Task<{ n: number }, string>>();
  expectTypeOf(background<number, string>(async (n) => String(n))).toEqualTypeOf<Task<number, string>>();
});

test("generic functions can be written over tasks with any schema", () => {
  const checked = <S extends StandardSchemaV1, R>(
    options: TaskOptionsWithSchema<S>,
    handler: (payload: StandardSchemaV1.InferOutput<S>) => Promise<R>,
  ) => background(options, async (payload) => handler(payload));
  const task = checked({ schema: z.string().transform(Number) }, async (n) => n + 1);
  expectTypeOf(task.enqueue).parameter(0).toEqualTypeOf<string>();
  const schema = z.object({ n: z.number() });
  const given = background<typeof schema, string>({ schema }, async ({ n }) => String(n));
  expectTypeOf(given).toEqualTypeOf<Task<{ n: number }, string>>();
});

test("options may be kept in a variable, with a schema or without", () => {
  const plain: TaskOptionsWithoutSchema = { maxRetries: 1 };
  expectTypeOf(background(plain, async (n: number) => n)).toEqualTypeOf<Task<number, number>>();
  const checking: TaskOptionsWithSchema<z.ZodString> = { schema: z.string() };
  expectTypeOf(background(checking, async (text) => text.length)).toEqualTypeOf<Task<string, number>>();
  // The output of an unknown schema is unknown.
  const any: TaskOptions = checking;
  background(any, async (payload: unknown) => payload);
});

test("the types in signatures are exported, so that other functions can be written with them", () => {
  const enqueueAll = async <P>(task: Enqueueable<P>, list: readonly EnqueueArgs<P>[]) =>
    Promise.all(list.map((args) => queue.enqueue(task, ...args)));
  expectTypeOf(enqueueAll(processDocument, [])).resolves.toEqualTypeOf<string[]>();
  expectTypeOf<RedisQueueOptions["client"]>().toEqualTypeOf<RedisClient | undefined>();
  expectTypeOf<SqliteQueueOptions["durability"]>().toEqualTypeOf<Durability | undefined>();
  expectTypeOf<TaskOptions["schema"]>().toEqualTypeOf<StandardSchemaV1 | undefined>();
  expectTypeOf<QueueEvents["enqueued"]>().toEqualTypeOf<JobEvent>();
  expectTypeOf<QueueEvents["lost"]>().toEqualTypeOf<AttemptEvent>();
});

test("the result is typed once the status is known to be completed", async () => {
  const job = await processDocument.getResult("id");
  if (job === null) return;
  // @ts-expect-error it may not be completed
  job.result.docId;
  if (job.status === "completed") {
    expectTypeOf(job.result).toEqualTypeOf<{ docId: string; status: string }>();
    expectTypeOf(job).toEqualTypeOf<CompletedJob<{ docId: string; status: string }>>();
    expectTypeOf(job.error).toEqualTypeOf<null>();
    expectTypeOf(job.completedAt).toEqualTypeOf<Date>();
    expectTypeOf(job.duration).toEqualTypeOf<number>();
  }
  if (job.status === JobStatus.COMPLETED) expectTypeOf(job.result.docId).toEqualTypeOf<string>();
  if (job.status === "failed") expectTypeOf(job.error).toEqualTypeOf<string>();
  if (job.status === "running") expectTypeOf(job.startedAt).toEqualTypeOf<Date>();
  if (job.isDone) expectTypeOf(job.completedAt).toEqualTypeOf<Date>();
  else expectTypeOf(job.completedAt).toEqualTypeOf<null>();
});

test("a finished job has one of three statuses, which a switch can exhaust", async () => {
  const job = await processDocument.wait("id");
  switch (job.status) {
    case "completed":
      return expectTypeOf(job.result.status).toEqualTypeOf<string>();
    case "failed":
      return expectTypeOf(job.result).toEqualTypeOf<null>();
    case "cancelled":
      return expectTypeOf(job.startedAt).toEqualTypeOf<Date | null>();
    default:
      return expectTypeOf(job).toEqualTypeOf<never>();
  }
});

test("a snapshot cannot be written to", async () => {
  const job = await processDocument.wait("id");
  // @ts-expect-error it is read-only
  job.attempts = 3;
  // @ts-expect-error so are its lists
  job.errors.push();
});

test("wrong payloads are rejected", () => {
  // @ts-expect-error a payload is missing
  processDocument.enqueue();
  // @ts-expect-error a part of it is missing
  processDocument.enqueue({ docId: "d" });
  // @ts-expect-error it is of another type
  processDocument.enqueue({ docId: 1, userId: "u" });
  // @ts-expect-error it has what the handler does not know
  processDocument.enqueue({ docId: "d", userId: "u", extra: 1 });
  // @ts-expect-error it is undefined
  processDocument.enqueue(undefined);
  // @ts-expect-error a part is missing
  queue.enqueue(processDocument, { docId: "d" });
  // @ts-expect-error one of many is wrong
  processDocument.enqueueMany([{ docId: "d", userId: "u" }, { docId: "d" }]);
  // @ts-expect-error a direct call takes the same
  processDocument({ docId: "d" });
  // @ts-expect-error an option is misspelt
  processDocument.enqueue({ docId: "d", userId: "u" }, { dealy: "1s" });
});

test("a handler without a payload is enqueued without one", () => {
  const tick = background(async function tick() {
    return 1;
  });
  expectTypeOf(tick).toEqualTypeOf<Task<void, number>>();
  tick();
  tick.enqueue();
  tick.enqueue(undefined, { delay: "1s" });
  tick.enqueueMany([undefined, undefined]);
  queue.enqueue(tick);
  queue.enqueue(tick, undefined, { delay: "1s" });
  // @ts-expect-error the handler takes no payload
  tick.enqueue("payload");
  // @ts-expect-error nor here
  queue.enqueue(tick, "payload");
});

test("a payload that may be undefined may be left out", () => {
  const report = background(async function report(day?: string) {
    return day;
  });
  report();
  report.enqueue();
  report.enqueue("monday");
  report.enqueue(undefined, { delay: 1 });
  queue.enqueue(report);
  queue.enqueue(report, "monday");
  // @ts-expect-error but not be another type
  report.enqueue(7);
  const either = background(async function either(_: { a: number } | undefined) {});
  either.enqueue();
  either.enqueue({ a: 1 });
});

test("a payload of type any may be anything, or left out", () => {
  // biome-ignore lint/suspicious/noExplicitAny: it is what is tested
  const loose = background(async function loose(payload: any) {
    return payload.x as number;
  });
  loose();
  loose.enqueue();
  loose.enqueue({ x: 1 }, { delay: 1 });
  queue.enqueue(loose, "anything");
  const unknowing = background(async function unknowing(_: unknown) {});
  unknowing.enqueue();
  unknowing.enqueue(Symbol.iterator);
});

test("a union is one payload type, not one task for each member", () => {
  const union = background(async function union(_: string | number) {});
  expectTypeOf(union.enqueue).parameter(0).toEqualTypeOf<string | number>();
  queue.enqueue(union, 1);
  queue.enqueue(union, "a");
});

test("with a schema of zod, enqueue takes its input and the handler gets its output", () => {
  const schema = z.object({ at: z.string().transform((text) => new Date(text)), note: z.string().default("") });
  const task = background({ schema, name: "z" }, async ({ at, note }, job) => {
    expectTypeOf(at).toEqualTypeOf<Date>();
    expectTypeOf(note).toEqualTypeOf<string>();
    expectTypeOf(job).toEqualTypeOf<Job>();
    return at.getTime();
  });
  expectTypeOf(task.enqueue).parameter(0).toEqualTypeOf<{ at: string; note?: string | undefined }>();
  expectTypeOf(task.wait).returns.toEqualTypeOf<Promise<FinishedJob<number>>>();
  task({ at: "2026-01-01" });
  queue.enqueue(task, { at: "2026-01-01" });
  // @ts-expect-error that is the output
  task.enqueue({ at: new Date() });
  // @ts-expect-error the schema has no such thing for the handler
  background({ schema, name: "z2" }, async (payload: { other: number }) => payload);
});

test("with a schema of valibot, enqueue takes its input and the handler gets its output", () => {
  const schema = v.object({ count: v.pipe(v.string(), v.transform(Number)), tag: v.optional(v.string(), "x") });
  const task = background({ schema, name: "v" }, async ({ count, tag }) => {
    expectTypeOf(count).toEqualTypeOf<number>();
    expectTypeOf(tag).toEqualTypeOf<string>();
  });
  expectTypeOf(task.enqueue).parameter(0).toEqualTypeOf<{ count: string; tag?: string | undefined }>();
  expectTypeOf(task.getResult).returns.toEqualTypeOf<Promise<JobResult<void> | null>>();
  // @ts-expect-error that is the output
  queue.enqueue(task, { count: 1 });
});

test("with a schema of arktype, enqueue takes its input and the handler gets its output", () => {
  const schema = type({ count: "string.numeric.parse", "tag?": "string" });
  const task = background({ schema, name: "a" }, async ({ count, tag }) => {
    expectTypeOf(count).toEqualTypeOf<number>();
    expectTypeOf(tag).toEqualTypeOf<string | undefined>();
    return [count];
  });
  task.enqueue({ count: "1" });
  expectTypeOf(task.wait).returns.toEqualTypeOf<Promise<FinishedJob<number[]>>>();
  // @ts-expect-error that is the output
  task.enqueue({ count: 1 });
});

test("a schema whose input may be undefined lets the payload be left out", () => {
  const task = background({ schema: z.string().default("x"), name: "d" }, async (text) => text);
  task.enqueue();
  task.enqueue("y");
  expectTypeOf(task).returns.toEqualTypeOf<Promise<string>>();
});

test("a queue's enqueue knows the payload of a task, and takes anything for a name", () => {
  queue.enqueue(processDocument, { docId: "d", userId: "u" }, { delay: "5m" });
  queue.enqueueMany(processDocument, [{ docId: "d", userId: "u" }]);
  queue.enqueue("another-process", { anything: 1 });
  queue.enqueue("another-process");
  // @ts-expect-error a part is of another type
  queue.enqueue(processDocument, { docId: 1, userId: "u" });
  // @ts-expect-error all of it is missing
  queue.enqueue(processDocument);
  // @ts-expect-error a part is missing
  queue.enqueue(processDocument, { docId: "d" });
  // @ts-expect-error one of many is wrong
  queue.enqueueMany(processDocument, [{ docId: 1, userId: "u" }]);
  // @ts-expect-error a part of one of many is missing
  queue.enqueueMany(processDocument, [{ docId: "d" }]);
  expectTypeOf(queue.getResult).returns.toEqualTypeOf<Promise<JobResult | null>>();
});

test("any task is an AnyTask", () => {
  const tick = background(async function tick() {});
  const tasks: AnyTask[] = [processDocument, tick, background({ schema: z.string(), name: "s" }, async (s) => s)];
  for (const task of tasks) {
    task.enqueue({ anything: 1 });
    expectTypeOf(task.name).toEqualTypeOf<string>();
  }
  // @ts-expect-error a function is not a task
  const none: AnyTask = async (): Promise<void> => {};
  void none;
});

test("every option accepts undefined", () => {
  const maybe = undefined as { s: string; n: number; d: Duration; q: JobQueue; at: Date } | undefined;
  const task = background(
    {
      name: maybe?.s,
      maxRetries: maybe?.n,
      backoff: maybe?.d,
      timeout: maybe?.d,
      concurrency: maybe?.n,
      queue: maybe?.q,
      schema: undefined,
    },
    async function optional(n: number) {
      return n;
    },
  );
  expectTypeOf(task).toEqualTypeOf<Task<number, number>>();
  background({ backoff: { base: maybe?.d, factor: maybe?.n, max: maybe?.d, jitter: maybe?.n } }, async function b() {});
  background({ backoff: (retry, error) => (error instanceof Error ? retry * 1_000 : "1m") }, async function f() {});
  task.enqueue(1, undefined);
  task.enqueue(1, { id: maybe?.s, delay: maybe?.d, runAt: maybe?.at, maxRetries: maybe?.n });
  task.wait("id", { timeout: maybe?.d, signal: undefined });
  task.cancel("id", { by: maybe?.s });
  queue.listJobs({ status: undefined, task: maybe?.s, limit: maybe?.n, before: maybe?.s });
  queue.close({ grace: maybe?.d });
  queue.ready({ timeout: maybe?.d });
  getQueue({ backend: undefined, url: process.env.NO_SUCH_VARIABLE });
  getQueue({ url: null });
  new InMemoryQueue({
    concurrency: maybe?.n,
    worker: undefined,
    lease: maybe?.d,
    retention: undefined,
    limits: { payload: maybe?.n, result: undefined },
    logger: undefined,
    grace: maybe?.d,
    clock: undefined,
  });
});

test("settings of the wrong type are rejected", () => {
  // @ts-expect-error a string without a unit is not a duration
  background({ timeout: "30" }, async function a() {});
  // @ts-expect-error a misspelt option
  background({ maxRetry: 3 }, async function b() {});
  // @ts-expect-error no such backend
  getQueue({ backend: "postgres" });
  // @ts-expect-error not a schema
  background({ schema: { parse: () => 1 } }, async function c() {});
});

test("events have typed details", () => {
  queue.on("completed", ({ jobId, task, durationMs }) => {
    expectTypeOf(jobId).toEqualTypeOf<string>();
    expectTypeOf(task).toEqualTypeOf<string>();
    expectTypeOf(durationMs).toEqualTypeOf<number>();
  });
  // @ts-expect-error no such event
  queue.on("done", () => {});
});
