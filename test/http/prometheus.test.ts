import { expect, onTestFinished, test, vi } from "vitest";
import { prometheusText } from "../../src/http/prometheus.ts";
import { rejects } from "../background/engine/faulty-store.ts";
import { scene } from "../background/engine/scene.ts";
import { callerOf } from "./scene.ts";

const health = { isHealthy: true, store: "redis", error: null, latencyMs: 1, workers: [], warnings: [], details: {} };

test("workers are told of while the store can be asked, and are not said to be none when it cannot", () => {
  const well = prometheusText(null, health);
  expect(well).toContain("rapidai_queue_workers 0\n");
  expect(well).toContain("rapidai_queue_worker_slots 0\n");
  const away = prometheusText(null, { ...health, isHealthy: false, error: "away" });
  expect(away).toContain('rapidai_queue_healthy{store="redis"} 0\n');
  expect(away).not.toMatch(/^rapidai_queue_(workers|worker_slots) /m);
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
