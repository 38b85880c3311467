import { background, type FinishedJobs, PermanentError } from "rapidai/background";
import { describe, expect, test } from "vitest";
import type { Signal } from "../../../src/background/core/store.ts";
import { Events } from "../../../src/background/engine/events.ts";
import { silentLogger } from "../../../src/background/engine/logger.ts";
import { EVENT_NAMES } from "../../../src/background/engine/queue-events.ts";
import { rejects } from "./faulty-store.ts";
import { controlled, eventsOf, nth, scene, turns, twoWorkers } from "./scene.ts";

describe("events", () => {
  test("of a job that is retried and completes come in order, with their details", async () => {
    const { queue, clock } = scene();
    const told = eventsOf(queue);
    const task = background({ queue }, async function twice(_: undefined, job) {
      if (job.attempt === 1) throw new Error("once");
      job.progress(0.5);
    });
    const jobId = await task.enqueue(undefined, { delay: "1s" });
    await clock.advance("3s");
    const of = { jobId, task: "twice" };
    expect(told).toEqual([
      { name: "enqueued", event: of },
      { name: "started", event: { ...of, attempt: 1, waitMs: 0 } },
      { name: "retrying", event: { ...of, attempt: 1, error: "once", delayMs: 2_000, durationMs: 0 } },
      { name: "started", event: { ...of, attempt: 2, waitMs: 0 } },
      {
        name: "progress",
        event: { ...of, attempt: 2, progress: { fraction: 0.5, done: null, total: null, message: null } },
      },
      { name: "completed", event: { ...of, attempt: 2, durationMs: 0 } },
    ]);
  });

  test("say how long a job waited and ran", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    await task.enqueueMany([1, 2]);
    await clock.advance("3s");
    nth(runs, 0).complete();
    await clock.advance("4s");
    nth(runs, 1).fail(new PermanentError("no"));
    await clock.drain();
    const waits = told
      .filter(({ name }) => name === "started")
      .map(({ event }) => (event as { waitMs: number }).waitMs);
    expect(waits).toEqual([0, 3_000]);
    expect(told.find(({ name }) => name === "completed")?.event).toMatchObject({ durationMs: 3_000 });
    expect(told.find(({ name }) => name === "failed")?.event).toMatchObject({ durationMs: 4_000, error: "no" });
  });

  test("lost is emitted by the worker that lost the lease and by the one that finds the job", async () => {
    const { a, b, clock } = twoWorkers();
    const [toldA, toldB] = [eventsOf(a.queue), eventsOf(b.queue)];
    const { task } = controlled(a.queue);
    controlled(b.queue, { name: "another" });
    const jobId = await task.enqueue(0);
    await a.clock.advance(0);
    await clock.advance("31s");
    await a.clock.advance("31s");
    const lost = { name: "lost", event: { jobId, task: "controlled", attempt: 1 } };
    expect(toldA.filter(({ name }) => name === "lost")).toEqual([lost]);
    expect(toldB.filter(({ name }) => name === "lost")).toEqual([lost]);
  });

  test("error reports failures that no caller awaits", async () => {
    const { queue, clock, store } = scene();
    const told = eventsOf(queue);
    controlled(queue);
    await clock.advance(0);
    store.on("claim", rejects(), 1);
    await queue.enqueue("controlled", 0);
    await clock.advance(0);
    expect(told.filter(({ name }) => name === "error")).toEqual([
      { name: "error", event: { error: new Error("the store is away") } },
    ]);
  });

  test("a cancel whose event cannot be emitted still returns true", async () => {
    const { queue, store, errors } = scene({ worker: false });
    const { task } = controlled(queue);
    queue.on("cancelled", () => {});
    const jobId = await task.enqueue(0);
    store.on("get", rejects(), 1);
    expect(await task.cancel(jobId)).toBe(true);
    expect(errors.map(String)).toEqual(["Error: the store is away"]);
  });

  test("listening for an unknown event, or without a listener, is an error", () => {
    const { queue } = scene();
    expect(() => queue.on("complete" as never, () => {})).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("completed, failed") }),
    );
    expect(() => queue.on("completed", undefined as never)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });

  test("enqueued is not emitted again for a job that is already stored", async () => {
    const { queue } = scene({ worker: false });
    const told = eventsOf(queue);
    const { task } = controlled(queue);
    const id = await task.enqueue(0);
    await task.enqueue(0, { id });
    expect(told).toHaveLength(1);
  });

  test("stop for one listener with the function that on() returned, and for no other", async () => {
    const { queue, clock } = scene();
    const heard: string[] = [];
    const listener = () => heard.push("same");
    const endFirst = queue.on("completed", listener);
    const endSecond = queue.on("completed", listener);
    const task = background({ queue }, async function brief() {});
    const run = async () => {
      await task.enqueue();
      await clock.drain();
      return heard.splice(0).length;
    };
    expect(await run()).toBe(2);
    endFirst();
    endFirst();
    expect(await run()).toBe(1);
    endSecond();
    expect(await run()).toBe(0);
  });
});

describe("Events", () => {
  test("has no listener for an event once all of them are removed", () => {
    const events = new Events(silentLogger, { name: "memory" });
    for (const name of EVENT_NAMES) {
      expect(events.has(name)).toBe(false);
      const end = events.on(name, () => {});
      expect(events.has(name)).toBe(true);
      end();
      expect(events.has(name)).toBe(false);
      const again = events.on(name, () => {});
      end();
      expect(events.has(name)).toBe(true);
      again();
    }
  });

  test.each([
    ["alone", 0],
    ["with others", 1],
  ])(
    "a listener, %s, may replace itself while it is called, and its successor hears the next event first",
    (_, others) => {
      const events = new Events(silentLogger, { name: "memory" });
      const heard: number[] = [];
      const add = (n: number): void => {
        if (n > 10) return;
        const end = events.on("enqueued", () => {
          end();
          heard.push(n);
          add(n + 1);
        });
      };
      for (let other = 0; other < others; other++) events.on("enqueued", () => {});
      add(1);
      events.emit("enqueued", { jobId: "", task: "" });
      expect(heard).toEqual([1]);
      events.emit("enqueued", { jobId: "", task: "" });
      expect(heard).toEqual([1, 2]);
    },
  );
});

test("a listener of watchFinished that throws or rejects is reported as an error, and does not affect the others", async () => {
  const { queue, clock, errors } = scene();
  const { task, runs } = controlled(queue);
  const heard: string[] = [];
  const thrown = new Error("thrown");
  const rejected = new Error("rejected");
  const stops = [
    await queue.watchFinished(() => {
      throw thrown;
    }),
    await queue.watchFinished(async () => Promise.reject(rejected)),
    await queue.watchFinished(({ jobIds }) => void heard.push(...jobIds)),
  ];
  const jobId = await task.enqueue(1);
  await clock.advance(0);
  nth(runs, 0).complete();
  await turns();
  expect(heard).toEqual([jobId]);
  expect(errors).toEqual([thrown, rejected]);
  for (const stop of stops) stop();
});

test("the ids of finished jobs are parsed only once a listener of watchFinished reads them", async () => {
  const { queue, store } = scene();
  let parsings = 0;
  let tell: (signal: Signal) => void = () => {};
  store.subscribe = async (_, listener) => {
    tell = listener;
    return () => {};
  };
  const heard: FinishedJobs[] = [];
  await queue.watchFinished((finished) => heard.push(finished));
  tell({
    kind: "finished",
    get ids() {
      parsings++;
      return ["a"];
    },
  });
  expect(parsings).toBe(0);
  expect(heard).toMatchObject([{ jobIds: ["a"] }]);
});
