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
