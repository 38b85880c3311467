import { expect } from "vitest";
import type { Store } from "../../../src/background/core/store.ts";
import { idOf, LEASE_MS, type Scene, TASK } from "../../../src/testing/conformance/scene.ts";

const PAGE = 1_000;

/** Starts more jobs than a store remembers attempts, and has `by` cancel them; then the heartbeat tells their worker. */
export async function cancelMany(scene: Scene, by: Store): Promise<void> {
  const worker = { id: "worker-1", tasks: [TASK], slots: PAGE, concurrency: {}, version: "0.1.0" };
  for (let first = 1; first <= 10_000; first += PAGE) {
    const numbers = Array.from({ length: PAGE }, (_, n) => first + n);
    await scene.add(numbers);
    const request = scene.request({ lostLimit: 0 });
    expect((await scene.store.claim(request)).jobs).toHaveLength(PAGE);
    await by.cancel(numbers.map((n) => ({ id: idOf(n), task: null, by: null })));
    if (by === scene.store) continue;
    const beats = numbers.map((n) => ({ id: idOf(n), token: request.token, patch: null }));
    await scene.store.heartbeat({ worker, presenceMs: LEASE_MS, leaseMs: LEASE_MS, beats });
  }
}
