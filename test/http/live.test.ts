import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { App } from "rapidai";
import { background, JobError, newJobId } from "rapidai/background";
import { jobsApi } from "rapidai/http";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readEvents } from "../../src/app/event-reader.ts";
import { EventRing } from "../../src/http/event-ring.ts";
import { newLines } from "../../src/http/job-source.ts";
import { QueueSource } from "../../src/http/queue-source.ts";
import { onEveryQueue } from "../backends.ts";
import { heldBack, rejects } from "../background/engine/faulty-store.ts";
import { scene } from "../background/engine/scene.ts";
import { callerOf, EventReader, echoing, ORIGIN } from "./scene.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

onEveryQueue((open) => {
  describe("live changes of the queue", () => {
    test("begin with a snapshot, and tell what other processes do within a second", async () => {
      const backend = open();
      const [shown, other] = [backend.queue({ worker: false }), backend.queue()];
      const { events } = callerOf({ queue: shown });
      const stream = await events("/events");
      expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(await stream.next()).toMatchObject({
        event: "snapshot",
        data: { byStatus: { pending: 0, completed: 0 } },
      });
      const work = echoing(other);
      const jobId = await work.enqueue(1);
      await work.wait(jobId);
      const doneAt = performance.now();
      const { data } = await stream.until("counts", ({ byTask }) => byTask.echo?.completed === 1);
      // It takes half a second at most; the rest is for a busy machine.
      expect(performance.now() - doneAt).toBeLessThan(3_000);
      expect(data.byStatus.completed).toBe(1);
    });

    test("name the jobs that are done", async () => {
      const queue = open().queue();
      const work = echoing(queue);
      const { events } = callerOf({ queue });
      const stream = await events("/events");
      await stream.next();
      const jobId = await work.enqueue(1);
      const { data } = await stream.until("jobs");
      expect(data).toMatchObject({ finished: [jobId], isMore: false });
    });

    test("go on after the last event that was seen, also for one who was away", async () => {
      const queue = open().queue({ worker: false });
      const { events } = callerOf({ queue });
      const first = await events("/events");
      const snapshot = await first.next();
      await queue.enqueue("work", 1);
      const seen = await first.until("counts", ({ byStatus }) => byStatus.pending === 1);
      first.close();
      const watcher = await events("/events");
      await watcher.next();
      await queue.enqueue("work", 2);
      await watcher.until("counts", ({ byStatus }) => byStatus.pending === 2);
      const again = await events("/events", { "last-event-id": seen.id });
      expect(await again.next()).toMatchObject({ event: "counts", data: { byStatus: { pending: 2 } } });
      const early = await events("/events", { "last-event-id": snapshot?.id ?? "" });
      expect(await early.next()).toMatchObject({ event: "counts", data: { byStatus: { pending: 1 } } });
      for (const id of ["nonsense", "1", seen.id.replace(/^\w+/, "000000000000"), seen.id.replace(/\d+$/, "999999")]) {
        const anew = await events("/events", { "last-event-id": id });
        expect(await anew.next()).toMatchObject({ event: "snapshot", data: { byStatus: { pending: 2 } } });
      }
    });
  });

  describe("live changes of a job", () => {
    test("begin with all of it, and tell progress, new log lines and its end, also on another process", async () => {
      const backend = open();
      const [shown, other] = [backend.queue({ worker: false }), backend.queue()];
      const gate = Promise.withResolvers<void>();
      const work = background({ queue: other, name: "work" }, async (_: unknown, job) => {
        job.log("begun");
        job.progress({ done: 1, total: 2 });
        await gate.promise;
        job.log("ended");
        return "result";
      });
      const jobId = await work.enqueue({ x: 1 }, { delay: 300 });
      const { events } = callerOf({ queue: shown });
      const stream = await events(`/jobs/${jobId}/events`);
      expect(await stream.next()).toMatchObject({
        event: "snapshot",
        data: { jobId, status: "pending", payload: { x: 1 } },
      });
      expect((await stream.until("log")).data).toEqual({ jobId, lines: ["begun"] });
      await stream.until("job", ({ progress }) => progress?.fraction === 0.5);
      gate.resolve();
      expect((await stream.until("log")).data.lines).toEqual(["ended"]);
      const { data } = await stream.until("job", ({ isDone }) => isDone);
      expect(data).toMatchObject({ status: "completed", result: "result", history: [{ status: "completed" }] });
      expect(data).not.toHaveProperty("payload");
    });

    test("tell of a cancel and of a retry by hand", async () => {
      const queue = open().queue({ worker: false });
      const jobId = await queue.enqueue("work", 1);
      const { events, post } = callerOf({ queue });
      const stream = await events(`/jobs/${jobId}/events`);
      await stream.next();
      await post(`/jobs/${jobId}/cancel`, { by: "Ada" });
      expect((await stream.until("job")).data).toMatchObject({ status: "cancelled", cancelledBy: "Ada" });
      await post(`/jobs/${jobId}/retry`);
      expect((await stream.until("job")).data).toMatchObject({ status: "pending" });
    });

    test("tell each log line once, to whoever joins while lines come as well", async () => {
      const queue = open().queue();
      const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
      const work = background({ queue, name: "work" }, async (_: unknown, job) => {
        for (const [n, { promise }] of gates.entries()) {
          await promise;
          job.log(`line ${n}`);
        }
      });
      const jobId = await work.enqueue(null);
      const { events } = callerOf({ queue });
      const first = await events(`/jobs/${jobId}/events`);
      await first.next();
      const lines = async () => (await queue.getDetails(jobId))?.logs.length;
      gates[0]?.resolve();
      await first.until("log");
      gates[1]?.resolve();
      await expect.poll(lines, { interval: 5 }).toBe(2);
      // What the first one has not been told yet is in what the second one begins with.
      const second = await events(`/jobs/${jobId}/events`);
      const { logs } = (await second.next())?.data ?? {};
      gates[2]?.resolve();
      for (const [stream, seen] of [
        [first, ["line 0"]],
        [second, logs],
      ] as const) {
        const told: string[] = [...seen];
        while (told.at(-1) !== "line 2") told.push(...(await stream.until("log")).data.lines);
        expect(told).toEqual(["line 0", "line 1", "line 2"]);
      }
    });

    test("are not there for a job that is not", async () => {
      const queue = open().queue({ worker: false });
      const { get } = callerOf({ queue });
      expect(await get(`/jobs/${newJobId()}/events`)).toMatchObject({
        status: 404,
        body: { error: { code: "job_not_found" } },
      });
    });

    test("show nothing that is hidden", async () => {
      const queue = open().queue();
      const work = background({ queue, name: "work", maxRetries: 0 }, async (_: { secret: string }, job) => {
        job.log("secret log");
        throw new Error("secret error");
      });
      const { events } = callerOf({
        queue,
        redact: (job) => ({ ...job, payload: null, logs: ["-"], error: "-", errors: [], history: [] }),
      });
      const jobId = await work.enqueue({ secret: "secret payload" }, { delay: 300 });
      const stream = await events(`/jobs/${jobId}/events`);
      const told = [await stream.next()];
      while (!told.at(-1)?.data.isDone) told.push(await stream.next());
      expect(JSON.stringify(told)).not.toContain("secret");
    });
  });
});

test("a stream says when the queue cannot be reached, and goes on with a snapshot", async () => {
  const { queue, store, errors } = scene({ worker: false, clock: new ManualClock() });
  await queue.enqueue("work", 1);
  const fail = () => {
    throw new Error("A logger that fails harms nobody.");
  };
  const { events, get } = callerOf({ queue, logger: { debug: fail, info: fail, warn: fail, error: fail } });
  const stream = await events("/events");
  await stream.next();
  const heal = store.on("count", rejects());
  await stream.until("unavailable");
  expect(await get("/events")).toMatchObject({ status: 500 });
  heal();
  expect((await stream.until("snapshot")).data.byStatus.pending).toBe(1);
  expect(errors).toEqual([]);
});

test("an event that names only some of the jobs that are done says so, also of those that end while it is made", async () => {
  const { queue, store } = scene({ worker: false });
  const source = new QueueSource(queue);
  const told: unknown[] = [];
  const counting = heldBack();
  const heal = store.on("count", counting.fault);
  const looked = source.poll((event, data) => told.push([event, data]));
  source.finished({ jobIds: Array.from({ length: 150 }, newJobId) });
  counting.release();
  await looked;
  heal();
  expect(told).toEqual([
    ["jobs", expect.objectContaining({ finished: expect.toSatisfy(({ length }) => length === 100), isMore: true })],
  ]);
  const last = newJobId();
  source.finished({ jobIds: [last] });
  await source.poll((event, data) => told.push([event, data]));
  expect(told[1]).toEqual(["jobs", expect.objectContaining({ finished: [last], isMore: false })]);
});

test("many viewers cost the queue as much as one", async () => {
  const { queue, store } = scene({ worker: false });
  const { events } = callerOf({ queue });
  const jobId = await queue.enqueue("work", 1);
  const streams = await Promise.all(
    Array.from({ length: 50 }, (_, n) => events(n % 2 === 0 ? "/events" : `/jobs/${jobId}/events`)),
  );
  for (const stream of streams) await stream.next();
  const before = { ...store.calls };
  await queue.cancel(jobId);
  for (const stream of streams) await stream.next();
  expect(store.calls.count - before.count).toBeLessThan(5);
  expect(store.calls.get - before.get).toBeLessThan(5);
  expect(store.calls.subscribe).toBe(1);
});

test("a queue that cannot be reached is told to the log once, however many streams look at it", async () => {
  const { queue } = scene({ worker: false });
  const logged: unknown[] = [];
  const log = (...about: unknown[]) => void logged.push(about);
  const { events } = callerOf({ queue, logger: { debug() {}, info() {}, warn: log, error: log } });
  const ids = await queue.enqueueMany("work", [1, 2, 3]);
  const streams = await Promise.all(ids.map((id) => events(`/jobs/${id}/events`)));
  const away = new JobError("queue_unavailable", "Nobody is there.");
  vi.spyOn(queue, "getDetails").mockRejectedValue(away);
  for (const stream of streams) await stream.until("unavailable");
  expect(logged).toEqual([["A live stream could not read the queue.", away]]);
});

test("streams are no more than are allowed, and make room when they end", async () => {
  const { queue } = scene({ worker: false });
  const { events, get } = callerOf({ queue, limits: { viewers: 2 } });
  const first = await events("/events");
  await events("/events");
  expect(await get("/events")).toMatchObject({ status: 503, body: { error: { code: "too_many_viewers" } } });
  first.close();
  expect((await events("/events")).response.status).toBe(200);
});

test("a stream is to be left as it is by what compresses answers, since that would hold its events back", async () => {
  const { queue } = scene({ worker: false });
  const { headers } = (await callerOf({ queue }).events("/events")).response;
  expect(headers.get("cache-control")).toBe("no-store, no-transform");
});

test("a stream is not begun for one who asks for its head alone", async () => {
  const { queue } = scene({ worker: false });
  const { api, events } = callerOf({ queue, limits: { viewers: 1 } });
  for (const _ of [1, 2]) {
    const { status, headers } = await api(new Request(`${ORIGIN}/events`, { method: "HEAD" }));
    expect([status, headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  }
  expect((await events("/events")).response.status).toBe(200);
});

test("a stream that is there only when its time is over is left at once", async () => {
  const { queue, store } = scene({ worker: false });
  const { get, events } = callerOf({ queue, limits: { viewers: 1, timeout: "50ms" } });
  const late = heldBack({ isBefore: true });
  const heal = store.on("count", late.fault);
  expect(await get("/events")).toMatchObject({ status: 503, body: { error: { code: "timeout" } } });
  heal();
  late.release();
  await expect.poll(async () => (await events("/events")).response.status).toBe(200);
});

test("a client that takes nothing for a minute is sent away, and one that is slow is not", async () => {
  const { queue } = scene({ worker: false });
  const { api } = callerOf({ queue, limits: { viewers: 2 } });
  const open = () => api(new Request(`${ORIGIN}/events`));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const slow = (await open()).body?.getReader();
  await open();
  await vi.advanceTimersByTimeAsync(40_000);
  for (let taken = 0; taken < 2; taken++) expect(await slow?.read()).toMatchObject({ done: false });
  await vi.advanceTimersByTimeAsync(19_999);
  expect((await open()).status).toBe(503);
  await vi.advanceTimersByTimeAsync(1);
  expect((await open()).status).toBe(200);
  expect((await open()).status).toBe(503);
});

test("a client that takes nothing costs one event, and begins anew when it has missed too much", async () => {
  const { queue } = scene({ worker: false });
  const { api, events } = callerOf({ queue });
  const slow = await api(new Request(`${ORIGIN}/events`));
  const quick = await events("/events");
  await quick.next();
  for (let n = 1; n <= 3; n++) {
    await queue.enqueue("work", n);
    await quick.until("counts", ({ byStatus }) => byStatus.pending === n);
  }
  const reader = new EventReader(slow, new AbortController());
  expect(await reader.next()).toMatchObject({ event: "snapshot" });
  await reader.until("counts", ({ byStatus }) => byStatus.pending === 3);
});

test("all streams end when the queue is closed, or the API", async () => {
  const { queue } = scene({ worker: false });
  const { events } = callerOf({ queue });
  const stream = await events("/events");
  await stream.next();
  const other = callerOf({ queue });
  const another = await other.events("/events");
  await another.next();
  other.api.close();
  expect(await another.next()).toBeUndefined();
  await queue.close();
  expect(await stream.next()).toBeUndefined();
});

test("streams and points can be begun anew after a server was closed, and not after the API or the queue was", async () => {
  const { queue } = scene({ worker: false });
  const { api, events, get } = callerOf({ queue });
  /** Points before which nobody looked. */
  const begun = async () => {
    const { points } = (await get("/stats")).body;
    return points.filter(({ throughput }: { throughput: number | null }) => throughput === null).length;
  };
  for (const times of [1, 2]) {
    const stream = await events("/events");
    expect(await stream.next()).toMatchObject({ event: "snapshot" });
    expect([await begun(), await begun()]).toEqual([times, times]);
    api.endStreams();
    expect(await stream.next()).toBeUndefined();
  }
  const other = callerOf({ queue });
  other.api.close();
  expect(await other.get("/events")).toMatchObject({ status: 503, body: { error: { code: "closed" } } });
  await queue.close();
  const closed = { status: 503, body: { error: { code: "queue_closed" } } };
  expect(await get("/events")).toMatchObject(closed);
  expect(await get("/stats")).toMatchObject(closed);
});

test("APIs that nobody has any more leave the memory, also before their queue is closed", async () => {
  const { queue } = scene({ worker: false });
  const ofOneRequest = async () => {
    const auth = () => ({ role: "read" as const });
    await (await jobsApi({ queue, auth })(new Request(`${ORIGIN}/counts`))).text();
    return new WeakRef(auth);
  };
  const gone: WeakRef<object>[] = [];
  for (let times = 0; times < 20; times++) gone.push(await ofOneRequest());
  const left = () => {
    collectGarbage();
    return gone.filter((ref) => ref.deref() !== undefined).length;
  };
  // The engine may remember what it called last.
  await expect.poll(left).toBeLessThan(10);
});

test("APIs that a program creates for each request leave nothing behind with their queue", async () => {
  const { queue } = scene({ worker: false });
  const then = vi.spyOn(queue.closed, "then");
  for (const path of ["/counts", "/counts", "/events", "/events"]) {
    await (await jobsApi({ queue })(new Request(`${ORIGIN}${path}`))).body?.cancel();
  }
  expect(then.mock.calls.length).toBeLessThanOrEqual(1);
});

test("statistics that could not be begun do not watch the queue", async () => {
  const { queue } = scene({ worker: false });
  const stop = vi.fn();
  vi.spyOn(queue, "watchFinished").mockResolvedValue(stop);
  vi.spyOn(queue, "counts").mockRejectedValue(new Error("It is away."));
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  expect((await jobsApi({ queue, logger })(new Request(`${ORIGIN}/stats`))).status).toBe(500);
  expect(stop).toHaveBeenCalledOnce();
});

test("a stream of an API that nobody has any more ends when the queue is closed", async () => {
  const { queue } = scene({ worker: false });
  const stream = (await jobsApi({ queue })(new Request(`${ORIGIN}/events`))).body;
  const reader = readEvents(stream);
  expect((await reader.next()).value).toMatchObject({ event: "snapshot" });
  collectGarbage();
  await queue.close();
  expect(await reader.next()).toMatchObject({ done: true });
});

test("streams are begun at each server of an App, whichever of them were closed before", async () => {
  const { queue } = scene({ worker: false });
  const logger = { debug() {}, info() {}, warn() {}, error: console.error };
  const app = new App({ logger }).mount("/api", callerOf({ queue }).api);
  const last = await app.run({ port: 0 });
  for (const server of [await app.run({ port: 0 }), await app.run({ port: 0 }), last]) {
    const stream = await fetch(`${server.url}/api/events`);
    expect(stream.status).toBe(200);
    await server.close({ grace: "5m" });
    expect(await stream.text()).toContain("event: snapshot");
  }
});

describe("a ring of events", () => {
  test("keeps the newest, and knows what it has not kept", () => {
    const ring = new EventRing({ events: 3, size: 10_000 });
    expect(ring.after(0)).toEqual({ text: "", last: 0 });
    for (let n = 1; n <= 5; n++) ring.push("event", n);
    expect(ring.after(1)).toBeNull();
    expect(ring.after(2)?.text.match(/data: \d/g)).toEqual(["data: 3", "data: 4", "data: 5"]);
    expect(ring.after(5)).toEqual({ text: "", last: 5 });
    expect(ring.after(6)).toBeNull();
  });

  test("is bounded in size too, and keeps at least the newest event", () => {
    const ring = new EventRing({ events: 100, size: 1_000 });
    for (let n = 1; n <= 20; n++) ring.push("event", "x".repeat(200));
    expect(ring.after(10)).toBeNull();
    expect(ring.after(18)).not.toBeNull();
    ring.push("event", "x".repeat(5_000));
    expect(ring.after(20)?.text).toContain("xxx");
  });

  test("tells its own ids from those of another", () => {
    const [ring, other] = [new EventRing(), new EventRing()];
    const id = (of: EventRing) => /^id: (.*)$/m.exec(of.encode("event", 1, 7))?.[1] ?? "";
    expect(ring.numberOf(id(ring))).toBe(7);
    for (const foreign of [id(other), null, "", "7", `${id(ring)}x`, "\u0000"])
      expect(ring.numberOf(foreign)).toBeNull();
  });
});

test.each([
  [[], ["a"], ["a"]],
  [["a"], ["a"], []],
  [["a"], ["a", "b", "c"], ["b", "c"]],
  [["a", "b"], ["b", "c"], ["c"]],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [["a", "b", "c"], ["c"], []],
  [["a"], [], []],
])("of the lines %j and then %j the new ones are %j", (before, now, lines) => {
  expect(newLines(before, now)).toEqual(lines);
});
