import { background, JobError, newJobId, PermanentError } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { silentLogger } from "../../src/background/engine/logger.ts";
import type { ShownJob } from "../../src/http/redaction.ts";
import { onEveryQueue } from "../backends.ts";
import { scene } from "../background/engine/scene.ts";
import { everyTurn } from "../every-turn.ts";
import { callerOf, echoing } from "./scene.ts";

onEveryQueue((open) => {
  describe("listing", () => {
    test("has the newest jobs first, page by page", async () => {
      const queue = open().queue({ worker: false });
      const ids = await queue.enqueueMany("work", [1, 2, 3, 4, 5]);
      const { get } = callerOf({ queue });
      const first = (await get("/jobs?limit=2")).body;
      expect(first.jobs.map((job: { jobId: string }) => job.jobId)).toEqual([ids[4], ids[3]]);
      expect(first).toMatchObject({ next: ids[3], isPartial: false, looked: 2 });
      const second = (await get(`/jobs?limit=3&before=${first.next}`)).body;
      expect(second.jobs.map((job: { jobId: string }) => job.jobId)).toEqual([ids[2], ids[1], ids[0]]);
      const third = (await get(`/jobs?limit=3&before=${second.next}`)).body;
      expect(third).toMatchObject({ jobs: [], next: null });
      expect((await get("/jobs")).body).toMatchObject({ next: null });
    });

    test("filters by status, task and time", async () => {
      const queue = open().queue();
      const work = echoing(queue);
      const done = await work.enqueue(1);
      await work.wait(done);
      const between = new Date(Date.now() + 2);
      await expect.poll(() => Date.now()).toBeGreaterThan(between.getTime());
      const later = await queue.enqueue("other", 2);
      const { get } = callerOf({ queue });
      const ids = async (query: string) =>
        (await get(`/jobs?${query}`)).body.jobs.map((job: { jobId: string }) => job.jobId);
      expect(await ids("")).toEqual([later, done]);
      expect(await ids("status=completed")).toEqual([done]);
      expect(await ids("task=other")).toEqual([later]);
      expect(await ids("task=other&status=completed")).toEqual([]);
      expect(await ids(`to=${between.toISOString()}`)).toEqual([done]);
      expect(await ids(`from=${between.getTime()}`)).toEqual([later]);
      expect(await ids(`from=${between.getTime()}&to=${between.getTime() + 1}`)).toEqual([]);
      expect(await ids("from=2026-01-01&status=&task=")).toEqual([later, done]);
    });

    test("has texts that readers of any language take, and so have the job itself and its stream", async () => {
      const queue = open().queue();
      const work = echoing(queue);
      const jobId = await work.enqueue("cut \ud83c");
      await work.wait(jobId);
      const { get, events } = callerOf({ queue });
      const stream = await events(`/jobs/${jobId}/events`);
      const results = [
        (await get("/jobs")).body.jobs[0],
        (await get(`/jobs/${jobId}`)).body,
        (await stream.next())?.data,
      ];
      expect(results.map(({ result }) => result)).toEqual(Array(3).fill("cut \ufffd"));
    });

    test("a page ends where its time does, with more before it or not", async () => {
      const queue = open().queue({ worker: false });
      await queue.enqueueMany("work", [1, 2]);
      const between = Date.now() + 2;
      await expect.poll(() => Date.now()).toBeGreaterThan(between);
      await queue.enqueueMany("work", [3, 4]);
      const { get } = callerOf({ queue });
      const page = (await get(`/jobs?from=${between}&limit=2`)).body;
      expect(page.jobs).toHaveLength(2);
      const last = (await get(`/jobs?from=${between}&limit=2&before=${page.next}`)).body;
      expect(last).toMatchObject({ jobs: [], next: null });
      expect((await get(`/jobs?from=${between}&limit=3`)).body).toMatchObject({ next: null });
    });

    test("of large jobs a page has as many as fit, reads few more, and goes on from there", async () => {
      const queue = open().queue();
      const work = background({ queue, name: "work" }, () => "x".repeat(400_000));
      const ids = await work.enqueueMany(Array.from({ length: 40 }, () => undefined));
      await Promise.all(ids.map((id) => work.wait(id)));
      const listed = vi.spyOn(queue, "listJobs");
      const { get } = callerOf({ queue });
      const pages: string[][] = [];
      for (let query = "limit=40", next: string | null = ""; next !== null; query = `limit=40&before=${next}`) {
        const { body } = await get(`/jobs?${query}`);
        pages.push(body.jobs.map(({ jobId }: { jobId: string }) => jobId));
        next = body.next;
        expect(body.isPartial).toBe(next !== null);
      }
      expect(pages.map(({ length }) => length)).toEqual([11, 11, 11, 7]);
      expect(pages.flat()).toEqual(ids.toReversed());
      for (const [filter] of listed.mock.calls) expect(filter?.limit).toBeLessThanOrEqual(25);
    });

    test("searches in payloads, within bounds and on from where it ended", async () => {
      const queue = open().queue({ worker: false });
      const payloads = Array.from({ length: 120 }, (_, n) => ({ city: n % 40 === 0 ? `Köln ${n}` : "Bonn" }));
      await queue.enqueueMany("work", payloads);
      const { get } = callerOf({ queue, limits: { searched: 50 } });
      const search = encodeURIComponent("KÖLN");
      const first = (await get(`/jobs?search=${search}`)).body;
      expect(first).toMatchObject({ isPartial: true, looked: 50, jobs: [{ task: "work" }] });
      const second = (await get(`/jobs?search=${search}&before=${first.next}`)).body;
      expect(second).toMatchObject({ isPartial: true, looked: 50, jobs: [{ task: "work" }] });
      const third = (await get(`/jobs?search=${search}&before=${second.next}`)).body;
      expect(third).toMatchObject({ isPartial: false, looked: 20, next: null, jobs: [{ task: "work" }] });
      expect(first.jobs[0]).not.toHaveProperty("payload");
      const { jobId } = second.jobs[0];
      const found = callerOf({ queue }).get(`/jobs?search=${jobId.slice(-12).toUpperCase()}`);
      expect((await found).body).toMatchObject({ jobs: [{ jobId }] });
      const less = callerOf({ queue }).get(`/jobs?search=${jobId.slice(-11)}`);
      expect((await less).body).toMatchObject({ jobs: [] });
      expect((await get(`/jobs?search=${search}&limit=1`)).body.next).toBe(first.jobs[0].jobId);
      expect((await get("/jobs?search=nowhere&status=completed")).body).toMatchObject({ jobs: [], next: null });
    });

    test("searches no longer than its time, and goes on where it was", async () => {
      const queue = open().queue({ worker: false });
      await queue.enqueueMany(
        "work",
        Array.from({ length: 60 }, (_, n) => n),
      );
      const { get } = callerOf({ queue, limits: { searchTime: 0 } });
      const looked: number[] = [];
      for (let before: string | null = ""; before !== null; ) {
        const { body } = await get(`/jobs?search=nothing&before=${before}`);
        looked.push(body.looked);
        before = body.next;
      }
      expect(looked).toEqual([25, 25, 10]);
    });

    test.each([
      ["status=broken", "invalid_status"],
      ["limit=0", "invalid_request"],
      ["limit=1001", "invalid_request"],
      ["limit=ten", "invalid_request"],
      ["before=job-1", "invalid_request"],
      ["from=yesterday", "invalid_request"],
      ["to=2026-13-45", "invalid_request"],
      ["to=2026-02-31", "invalid_request"],
      ["from=2026-06-31T00:00:00Z", "invalid_request"],
      [`search=${"x".repeat(201)}`, "invalid_request"],
      ["sort=up", "invalid_request"],
      ["status=failed&status=cancelled", "invalid_request"],
      ["__proto__=1", "invalid_request"],
    ])("refuses %s", async (query, code) => {
      const { get } = callerOf({ queue: open().queue({ worker: false }) });
      expect(await get(`/jobs?${query}`)).toMatchObject({ status: 400, body: { error: { code } } });
    });
  });

  describe("one job", () => {
    test("is shown with all that is kept of it", async () => {
      const queue = open().queue();
      const work = background({ queue, name: "work" }, async (payload: unknown, job) => {
        job.log("one line");
        return { got: payload, at: new Date(0), all: new Map([[1n, new Set(["x"])]]) };
      });
      const jobId = await work.enqueue({ x: 1 });
      await work.wait(jobId);
      const { get } = callerOf({ queue });
      expect(await get(`/jobs/${jobId}`)).toMatchObject({
        status: 200,
        body: {
          jobId,
          task: "work",
          status: "completed",
          payload: { x: 1 },
          result: { got: { x: 1 }, at: "1970-01-01T00:00:00.000Z", all: [["1", ["x"]]] },
          logs: ["one line"],
          history: [{ attempt: 1, status: "completed" }],
        },
      });
      for (const id of [newJobId(), "nothing", "%00", "..%2f..", "__proto__"]) {
        expect(await get(`/jobs/${id}`)).toMatchObject({ status: 404, body: { error: { code: "job_not_found" } } });
      }
    });

    test("is explained", async () => {
      const queue = open().queue({ worker: false });
      const jobId = await queue.enqueue("work", 1);
      const { get } = callerOf({ queue });
      const explained = await get(`/jobs/${jobId}/explain`);
      expect(explained).toMatchObject({
        status: 200,
        body: { jobId, status: "pending", causes: [{ code: "no_worker" }] },
      });
      expect(await get(`/jobs/${newJobId()}/explain`)).toMatchObject({ status: 404 });
    });

    test("is cancelled once, by whom is noted", async () => {
      const queue = open().queue({ worker: false });
      const jobId = await queue.enqueue("work", 1);
      const { get, post } = callerOf({ queue });
      expect(await post(`/jobs/${jobId}/cancel`, { by: "Ada" })).toMatchObject({
        status: 200,
        body: { isCancelled: true },
      });
      expect((await get(`/jobs/${jobId}`)).body).toMatchObject({ status: "cancelled", cancelledBy: "Ada" });
      expect(await post(`/jobs/${jobId}/cancel`)).toMatchObject({
        status: 409,
        body: { isCancelled: false, error: { code: "not_cancellable" } },
      });
      expect(await post(`/jobs/${newJobId()}/cancel`)).toMatchObject({ status: 404 });
      expect(await post(`/jobs/${jobId}/cancel`, { by: 7 })).toMatchObject({ status: 400 });
    });

    test("is retried when it failed or was cancelled", async () => {
      const queue = open().queue({ worker: false });
      const jobId = await queue.enqueue("work", 1);
      const { get, post } = callerOf({ queue });
      expect(await post(`/jobs/${jobId}/retry`)).toMatchObject({
        status: 409,
        body: { isRetried: false, error: { code: "not_retryable" } },
      });
      await queue.cancel(jobId);
      expect(await post(`/jobs/${jobId}/retry`)).toMatchObject({ status: 200, body: { isRetried: true } });
      expect((await get(`/jobs/${jobId}`)).body.status).toBe("pending");
      expect(await post(`/jobs/${newJobId()}/retry`)).toMatchObject({ status: 404 });
    });
  });

  describe("enqueueing", () => {
    test("stores a job of a task that is known, once for an id", async () => {
      const queue = open().queue();
      const work = echoing(queue);
      const { post } = callerOf({ queue });
      const id = newJobId();
      for (const _ of [1, 2]) {
        expect(await post("/jobs", { task: "echo", payload: { a: [1] }, id })).toMatchObject({
          status: 201,
          body: { jobId: id },
        });
      }
      expect(await work.wait(id)).toMatchObject({ status: "completed", result: { a: [1] } });
    });

    test("takes a delay, or a time to start", async () => {
      const queue = open().queue({ worker: false });
      echoing(queue);
      const { get, post } = callerOf({ queue });
      const delayed = (await post("/jobs", { task: "echo", payload: 1, delay: "1h" })).body.jobId;
      const job = (await get(`/jobs/${delayed}`)).body;
      expect(Date.parse(job.runAt) - Date.parse(job.createdAt)).toBe(3_600_000);
      const timed = (await post("/jobs", { task: "echo", payload: 1, runAt: "2099-01-01T00:00:00Z" })).body.jobId;
      expect((await get(`/jobs/${timed}`)).body.runAt).toBe("2099-01-01T00:00:00.000Z");
    });

    test("checks the payload against the task's schema", async () => {
      const queue = open().queue({ worker: false });
      const schema = z.object({ to: z.string() });
      const mail = background({ queue, name: "mail", schema }, async () => {});
      for (const tasks of [undefined, [mail]]) {
        const { post } = callerOf({ queue, tasks });
        expect(await post("/jobs", { task: "mail", payload: { to: 1 } })).toMatchObject({
          status: 400,
          body: { error: { code: "invalid_payload", message: expect.stringContaining("to") } },
        });
        expect(await post("/jobs", { task: "mail", payload: { to: "ada" } })).toMatchObject({ status: 201 });
      }
    });

    test("refuses tasks that are not known, unless they are allowed", async () => {
      const queue = open().queue({ worker: false });
      const known = echoing(queue);
      const hidden = echoing(queue, "hidden");
      const body = { error: { code: "unknown_task", message: expect.stringContaining("GET /tasks lists those") } };
      for (const task of ["nobody", "", "__proto__", "constructor"])
        expect(await callerOf({ queue }).post("/jobs", { task })).toMatchObject({ status: 400, body });
      expect(await callerOf({ queue, tasks: [known] }).post("/jobs", { task: hidden.name })).toMatchObject({
        status: 400,
        body,
      });
      const open_ = callerOf({ queue, allowUnknownTasks: true });
      expect(await open_.post("/jobs", { task: "nobody", payload: 1 })).toMatchObject({ status: 201 });
      const once = await open_.post("/jobs", { task: "nobody", maxRetries: 0 });
      expect(await queue.getResult(once.body.jobId)).toMatchObject({ maxRetries: 0 });
      expect(await open_.post("/jobs", { task: "no/body" })).toMatchObject({
        status: 400,
        body: { error: { code: "invalid_task_name" } },
      });
    });

    test.each([
      [{ task: 7 }, "invalid_request"],
      [{ task: "echo", more: 1 }, "invalid_request"],
      [{ task: "echo", id: "job-1" }, "invalid_id"],
      [{ task: "echo", delay: "soon" }, "invalid_option"],
      [{ task: "echo", runAt: "soon" }, "invalid_request"],
      [{ task: "echo", runAt: 1, delay: 1 }, "invalid_option"],
      [{ task: "echo", maxRetries: "1" }, "invalid_option"],
    ])("refuses %j", async (body, code) => {
      const queue = open().queue({ worker: false });
      echoing(queue);
      expect(await callerOf({ queue }).post("/jobs", body)).toMatchObject({ status: 400, body: { error: { code } } });
    });

    test("refuses another task's id and a payload that is too large", async () => {
      const queue = open().queue({ worker: false, limits: { payload: 1_000 } });
      echoing(queue);
      const id = await queue.enqueue("other", 1);
      const { post } = callerOf({ queue, limits: { body: 3_000 } });
      expect(await post("/jobs", { task: "echo", id })).toMatchObject({
        status: 409,
        body: { error: { code: "id_conflict" } },
      });
      const sized = (length: number) => post("/jobs", { task: "echo", payload: "x".repeat(length) });
      expect(await sized(2_000)).toMatchObject({ status: 413, body: { error: { code: "payload_too_large" } } });
      expect(await sized(4_000)).toMatchObject({ status: 413, body: { error: { code: "body_too_large" } } });
    });
  });

  describe("many at once", () => {
    test("are cancelled by filter, page by page until none is left", async () => {
      const queue = open().queue({ worker: false });
      await queue.enqueueMany("work", [1, 2, 3, 4, 5]);
      await queue.enqueueMany("other", [6, 7]);
      const { get, post } = callerOf({ queue });
      const first = (await post("/jobs/cancel", { task: "work", limit: 3, by: "Ada" })).body;
      expect(first).toMatchObject({ changed: 3, looked: 3, next: expect.any(String) });
      const second = (await post("/jobs/cancel", { task: "work", limit: 3, before: first.next })).body;
      expect(second).toEqual({ changed: 2, looked: 2, next: null });
      expect((await get("/counts")).body.byTask).toMatchObject({
        work: { pending: 0, cancelled: 5 },
        other: { pending: 2, cancelled: 0 },
      });
      const newest = (await get("/jobs?status=cancelled&limit=1")).body.jobs[0].jobId;
      expect((await get(`/jobs/${newest}`)).body.cancelledBy).toBe("Ada");
    });

    test("are retried by filter and search, failed and cancelled ones alike", async () => {
      const queue = open().queue();
      const work = background({ queue, name: "work" }, async (city: string) => {
        throw new PermanentError(`no ${city}`);
      });
      const ids = await work.enqueueMany(["Köln", "Bonn", "Köln"]);
      await Promise.all(ids.map((id) => work.wait(id)));
      await queue.stop();
      const waiting = await queue.enqueue("other", "Köln");
      await queue.cancel(waiting);
      const { get, post } = callerOf({ queue });
      expect((await post("/jobs/retry", { search: "köln" })).body).toMatchObject({ changed: 3, next: null });
      expect((await get("/counts")).body.byStatus).toMatchObject({ pending: 3, failed: 1, cancelled: 0 });
      expect((await post("/jobs/retry", { status: "failed", task: "work" })).body).toMatchObject({ changed: 1 });
    });

    test("are refused without a filter, which may have been lost on the way, unless all are meant", async () => {
      const queue = open().queue({ worker: false });
      await queue.enqueueMany("work", [1, 2]);
      const { get, post } = callerOf({ queue });
      for (const path of ["/jobs/cancel", "/jobs/retry"])
        for (const body of [{}, { by: "Ada", limit: 5 }, { task: "" }, { all: false }])
          expect(await post(path, body)).toMatchObject({
            status: 400,
            body: { error: { message: expect.stringContaining("all: true") } },
          });
      expect((await get("/counts")).body.byStatus).toMatchObject({ pending: 2 });
      expect((await post("/jobs/cancel", { all: true })).body).toMatchObject({ changed: 2 });
      expect((await post("/jobs/retry", { all: true, limit: 1 })).body).toMatchObject({ changed: 1 });
    });

    test("are refused in a state that cannot be changed so", async () => {
      const { post } = callerOf({ queue: open().queue({ worker: false }) });
      for (const [path, status] of [
        ["cancel", "completed"],
        ["retry", "pending"],
      ]) {
        expect(await post(`/jobs/${path}`, { status })).toMatchObject({ status: 400 });
      }
      expect(await post("/jobs/cancel", { limit: 1_001 })).toMatchObject({ status: 400 });
      expect(await post("/jobs/cancel", { everything: true })).toMatchObject({ status: 400 });
    });
  });

  describe("the queue", () => {
    test("is counted, and its tasks are named", async () => {
      const queue = open().queue({ worker: false });
      echoing(queue);
      const kept = echoing(queue, "kept");
      await queue.enqueueMany("stored", [1, 2]);
      expect((await callerOf({ queue }).get("/counts")).body).toMatchObject({
        byStatus: { pending: 2 },
        byTask: { stored: { pending: 2 } },
      });
      expect((await callerOf({ queue, tasks: [kept] }).get("/tasks")).body).toEqual({
        here: ["echo", "kept"],
        stored: ["stored"],
        enqueueable: ["kept"],
      });
    });

    test("is healthy, and 503 while its backend is not", async () => {
      const backend = open();
      const queue = backend.queue({ worker: false });
      const { get } = callerOf({ queue });
      expect(await get("/health")).toMatchObject({ status: 200, body: { isHealthy: true, error: null } });
      const heal = backend.silence();
      const [health, metrics] = await Promise.all([get("/health"), get("/metrics")]).finally(heal);
      expect(health).toMatchObject({ status: 503, body: { isHealthy: false, error: expect.any(String) } });
      expect(metrics).toMatchObject({ status: 200, body: expect.stringMatching(/^rapidai_queue_healthy\{.*\} 0$/m) });
    });

    test("is measured as Prometheus reads it, with what else there is", async () => {
      const queue = open().queue({ concurrency: 7 });
      const work = echoing(queue);
      await work.wait(await work.enqueue(1));
      const { get } = callerOf({ queue, metrics: () => "more_metrics 1\n" });
      const { body, headers } = await get("/metrics");
      expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(body).toContain('rapidai_queue_jobs{task="echo",status="completed"} 1\n');
      expect(body).toContain('rapidai_queue_oldest_due_seconds{task="echo"} 0\n');
      expect(body).toContain("rapidai_queue_workers 1\n");
      expect(body).toContain("rapidai_queue_worker_slots 7\n");
      expect(body).toMatch(/^rapidai_queue_healthy\{store="\w+"\} 1$/m);
      expect(body.endsWith("more_metrics 1\n")).toBe(true);
      // Every sample belongs to a family that was announced.
      const lines: string[] = body.split("\n").filter((line: string) => line !== "" && !line.startsWith("#"));
      for (const line of lines.slice(0, -1)) expect(body).toContain(`# TYPE ${line.split(/[{ ]/)[0]} gauge\n`);
    });

    test("has points for charts", async () => {
      const queue = open().queue();
      const work = echoing(queue);
      const ids = await work.enqueueMany([1, 2, 3]);
      await Promise.all(ids.map((id) => work.wait(id)));
      const { get } = callerOf({ queue });
      const { body } = await get("/stats");
      expect(body).toMatchObject({
        everyMs: 2_000,
        points: [
          {
            byStatus: { completed: 3 },
            byTask: { echo: { completed: 3 } },
            throughput: null,
            runMs: { p50: expect.any(Number), p95: expect.any(Number) },
            waitMs: { p50: expect.any(Number), p95: expect.any(Number) },
          },
        ],
      });
      const more = await work.enqueueMany(Array.from({ length: 10 }, (_, n) => n));
      await Promise.all(more.map((id) => work.wait(id)));
      const points = async () => (await get("/stats")).body.points;
      const isLater = ({ byStatus }: { byStatus: Record<string, number> }) => byStatus.completed === 13;
      await expect.poll(async () => (await points()).some(isLater), { interval: 200 }).toBe(true);
      const point = (await points()).find(isLater);
      // Ten in two seconds, or somewhat more on a busy machine; hints of them may be missing.
      expect(point.throughput).toBeGreaterThan(0);
      expect(point.throughput).toBeLessThanOrEqual(7);
      expect((await get(`/stats?after=${point.at}`)).body.points.every(({ at }: { at: string }) => at > point.at)).toBe(
        true,
      );
      expect((await get("/stats?after=yesterday")).status).toBe(400);
      const { body: small } = await get(`/stats?tasks=none&after=${new Date(Date.parse(point.at) - 1).toISOString()}`);
      expect(small.points[0]).toEqual({ ...point, byTask: {} });
      expect((await get("/stats?tasks=all")).status).toBe(400);
    });
  });

  test("a backend that is away is told to the log once, however often it is asked for", async () => {
    const queue = open().queue({ worker: false });
    const logged: unknown[] = [];
    const logger = { ...silentLogger, error: (...about: unknown[]) => void logged.push(about) };
    const { get } = callerOf({ queue, logger });
    await queue.close();
    for (const path of ["/jobs", "/counts", "/jobs"]) expect((await get(path)).status).toBe(503);
    expect(logged).toEqual([["A request to the jobs API failed.", expect.any(JobError)]]);
  });

  test("a backend that is away is told without a word of what is inside", async () => {
    const queue = open().queue({ worker: false });
    const { get } = callerOf({ queue });
    await queue.close();
    expect(await get("/jobs")).toMatchObject({
      status: 503,
      body: { error: { code: "queue_closed", message: "The queue cannot be reached now. Try again later." } },
    });
  });
});

test("a search through large payloads lets the event loop turn in between", async () => {
  const { queue } = scene({ worker: false });
  await queue.enqueueMany(
    "work",
    Array.from({ length: 8 }, () => "x".repeat(600_000)),
  );
  let turn = 0;
  const searchedIn = new Set<number>();
  const redact = (job: ShownJob) => {
    searchedIn.add(turn);
    return job;
  };
  const stop = everyTurn(() => turn++);
  expect((await callerOf({ queue, redact }).get("/jobs?search=nothing")).body.looked).toBe(8);
  stop();
  // Two of them at a time.
  expect(searchedIn.size).toBeGreaterThanOrEqual(4);
});
