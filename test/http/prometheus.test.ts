import { InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { prometheusText } from "../../src/http/prometheus.ts";
import { rejects } from "../background/engine/faulty-store.ts";
import { scene } from "../background/engine/scene.ts";
import { callerOf } from "./scene.ts";

const health = { isHealthy: true, store: "redis", error: null, latencyMs: 1, workers: [], warnings: [], details: {} };

test("workers are told of while the store can be asked, and are not said to be none when it cannot", () => {
  const well = prometheusText(null, null, health);
  expect(well).toContain("rapidai_queue_workers 0\n");
  expect(well).toContain("rapidai_queue_worker_slots 0\n");
  const away = prometheusText(null, null, { ...health, isHealthy: false, error: "away" });
  expect(away).toContain('rapidai_queue_healthy{store="redis"} 0\n');
  expect(away).not.toMatch(/^rapidai_queue_(workers|worker_slots) /m);
});

test("how long the oldest due job of a task has waited falls to 0 with the last one, and is not said while unknown", async () => {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock, worker: false });
  onTestFinished(() => queue.close());
  const mail = await queue.enqueue("mail");
  await queue.enqueue("remind", null, { delay: "1d" });
  await clock.advance("90.5s");
  const { get } = callerOf({ queue });
  const waits = async () => {
    const { body } = await get("/metrics");
    return [...body.matchAll(/^rapidai_queue_oldest_due_seconds\{task="(.*)"\} (.*)$/gm)].map(([, ...told]) => told);
  };
  expect(await waits()).toEqual([
    ["mail", "90.5"],
    ["remind", "0"],
  ]);
  await queue.cancel(mail);
  expect(await waits()).toEqual([
    ["mail", "0"],
    ["remind", "0"],
  ]);
  const unknown = prometheusText(await queue.counts(), null, health);
  expect(unknown).toContain('rapidai_queue_jobs{task="mail",status="cancelled"} 1\n');
  expect(unknown).not.toMatch(/^rapidai_queue_oldest_due_seconds/m);
});

test("beyond a thousand tasks, those with the fewest jobs are counted together, with the longest of their waits", () => {
  const none = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  const names = Array.from({ length: 1_002 }, (_, n) => `task-${n}`);
  const byTask = Object.fromEntries(names.map((name) => [name, { ...none, completed: 3 }]));
  byTask["task-7"] = { ...none, pending: 1 };
  byTask["task-9"] = { ...none, pending: 1, failed: 1 };
  const due = [
    { task: "task-8", jobId: "a", waitMs: 9_000 },
    { task: "task-9", jobId: "b", waitMs: 5_000 },
    { task: "task-7", jobId: "c", waitMs: 4_000 },
  ];
  const text = prometheusText({ byStatus: { ...none, pending: 2, completed: 3_000, failed: 1 }, byTask }, due, health);
  const of = (task: string) => text.split("\n").filter((line) => line.includes(`task="${task}"`));
  expect(of("_overflow")).toEqual([
    'rapidai_queue_jobs{task="_overflow",status="pending"} 2',
    'rapidai_queue_jobs{task="_overflow",status="running"} 0',
    'rapidai_queue_jobs{task="_overflow",status="completed"} 0',
    'rapidai_queue_jobs{task="_overflow",status="failed"} 1',
    'rapidai_queue_jobs{task="_overflow",status="cancelled"} 0',
    'rapidai_queue_oldest_due_seconds{task="_overflow"} 5',
  ]);
  expect(of("task-7")).toEqual([]);
  expect(of("task-8")).toHaveLength(6);
  expect(text.match(/^rapidai_queue_jobs/gm)).toHaveLength(5 * 1_001);
});

test("a task named like the sum of those beyond a thousand is part of it: no series is there twice", () => {
  const none = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  const names = Array.from({ length: 1_001 }, (_, n) => `task-${n}`);
  const byTask = Object.fromEntries(names.map((name) => [name, { ...none, pending: 1 }]));
  byTask._overflow = { ...none, pending: 5 };
  const text = prometheusText({ byStatus: { ...none, pending: 1_006 }, byTask }, null, health);
  expect(text.match(/^rapidai_queue_jobs\{task="_overflow",status="pending"\} .*$/gm)).toEqual([
    'rapidai_queue_jobs{task="_overflow",status="pending"} 6',
  ]);
});

test("a hook that throws while the store is away costs its answer, and not the process", async () => {
  const { queue, store } = scene({ worker: false });
  store.on("count", rejects());
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  onTestFinished(() => void process.off("unhandledRejection", unhandled));
  const metrics = () => {
    throw new Error("no metrics today");
  };
  expect(await callerOf({ queue, metrics }).get("/metrics")).toMatchObject({ status: 500 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).not.toHaveBeenCalled();
});
