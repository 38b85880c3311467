import assert from "node:assert/strict";
import { laneOf, type Signal } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, newJob, OTHER_TASK, type Scene, TASK } from "./scene.ts";

/** How long to wait for signals, in real time, whatever the store's clock says. */
const TIMEOUT_MS = 2_000;

/** Collects the names that signals of a kind carry. */
export async function listen({ store }: Scene, kind: Signal["kind"]): Promise<Heard> {
  const heard = new Heard();
  heard.unsubscribe = await store.subscribe(kind, (signal) => heard.add(signal));
  return heard;
}

export class Heard {
  readonly signals: Signal[] = [];
  unsubscribe: () => void = () => {};
  #wake: () => void = () => {};

  get names(): ReadonlySet<string> {
    return new Set(this.signals.flatMap((signal) => (signal.kind === "ready" ? signal.lanes : signal.ids)));
  }

  add(signal: Signal): void {
    this.signals.push(signal);
    this.#wake();
  }

  /** Waits until signals have carried all of these names. */
  async includes(...names: readonly string[]): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, TIMEOUT_MS);
    while (!isLate && !names.every((name) => this.names.has(name))) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    assert.ok(!isLate, `signals should name ${names.join(", ")}, but named ${[...this.names].join(", ") || "nothing"}`);
  }
}

export const subscribeCases: readonly StoreCase[] = [
  storeCase("subscribe: ready names the lanes of jobs that were enqueued", async (scene) => {
    const heard = await listen(scene, "ready");
    await scene.store.enqueue([newJob(1), newJob(2, { task: OTHER_TASK }), newJob(3, { v: 2 })]);
    await heard.includes(TASK, OTHER_TASK, laneOf(TASK, 2));
    assert.ok(heard.signals.every((signal) => signal.kind === "ready"));
  }),

  storeCase("subscribe: ready names the lane of a job that is to be retried", async (scene) => {
    const held = await scene.start(1, { lane: "urgent" });
    const heard = await listen(scene, "ready");
    await scene.settle(held, { to: "pending", delayMs: 0 });
    await heard.includes("urgent");
  }),

  storeCase("subscribe: ready names the lane of a job that was retried by hand", async (scene) => {
    await scene.finish(1, "failed", { lane: "urgent" });
    const heard = await listen(scene, "ready");
    await scene.retry(idOf(1));
    await heard.includes("urgent");
  }),

  storeCase("subscribe: cancelled names running jobs that were cancelled", async (scene) => {
    await scene.start(1);
    await scene.start(2);
    const heard = await listen(scene, "cancelled");
    await scene.store.cancel([1, 2].map((n) => ({ id: idOf(n), task: null, by: null })));
    await heard.includes(idOf(1), idOf(2));
    assert.ok(heard.signals.every((signal) => signal.kind === "cancelled"));
  }),

  storeCase("subscribe: cancelled names a running job that was cancelled alone", async (scene) => {
    await scene.start(1);
    const heard = await listen(scene, "cancelled");
    await scene.cancel(idOf(1));
    await heard.includes(idOf(1));
  }),

  storeCase("subscribe: finished names jobs that were completed or failed", async (scene) => {
    const held = [await scene.start(1), await scene.start(2)] as const;
    const heard = await listen(scene, "finished");
    await scene.store.settle([scene.settlement(held[0]), scene.settlement(held[1], { to: "failed" })]);
    await heard.includes(idOf(1), idOf(2));
    assert.ok(heard.signals.every((signal) => signal.kind === "finished"));
  }),

  storeCase("subscribe: finished names jobs that were cancelled, running or not", async (scene) => {
    await scene.start(1);
    await scene.add([2], { delayMs: 60_000 });
    const heard = await listen(scene, "finished");
    await scene.cancel(idOf(1));
    await scene.cancel(idOf(2));
    await heard.includes(idOf(1), idOf(2));
  }),

  storeCase("subscribe: all listeners are called", async (scene) => {
    const heard = [await listen(scene, "ready"), await listen(scene, "ready")] as const;
    await scene.add([1]);
    await heard[0].includes(TASK);
    await heard[1].includes(TASK);
  }),

  storeCase("subscribe: a listener that was removed is not called any more, and others still are", async (scene) => {
    const signals: Signal[] = [];
    const listener = (signal: Signal) => signals.push(signal);
    const unsubscribe = await scene.store.subscribe("ready", listener);
    const others = await listen(scene, "ready");
    unsubscribe();
    unsubscribe();
    await scene.add([1]);
    await others.includes(TASK);
    assert.deepEqual(signals, []);
  }),

  storeCase("subscribe: the same listener twice is two subscriptions", async (scene) => {
    const heard = new Heard();
    const listener = (signal: Signal) => heard.add(signal);
    const first = await scene.store.subscribe("ready", listener);
    await scene.store.subscribe("ready", listener);
    first();
    await scene.add([1]);
    await heard.includes(TASK);
  }),
];
