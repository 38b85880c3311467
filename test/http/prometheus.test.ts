import { expect, test } from "vitest";
import { prometheusText } from "../../src/http/prometheus.ts";

const health = { isHealthy: true, store: "redis", error: null, latencyMs: 1, workers: [], warnings: [], details: {} };

test("workers are told of while the store can be asked, and are not said to be none when it cannot", () => {
  const well = prometheusText(null, health);
  expect(well).toContain("rapidai_queue_workers 0\n");
  expect(well).toContain("rapidai_queue_worker_slots 0\n");
  const away = prometheusText(null, { ...health, isHealthy: false, error: "away" });
  expect(away).toContain('rapidai_queue_healthy{store="redis"} 0\n');
  expect(away).not.toMatch(/^rapidai_queue_(workers|worker_slots) /m);
});
