import assert from "node:assert/strict";
import { MAX_LOG_LINES } from "../../background/core/limits.ts";
import type { Beat, HeartbeatRequest, Progress, Usage } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, patchOf, TASK } from "./scene.ts";

const HALF: Progress = { fraction: 0.5, done: 1, total: 2, message: "half" };
const USAGE: Usage = { inputTokens: 12, outputTokens: 3_000_000_000, cost: 0.000_123 };

function heartbeat(beats: readonly Beat[]): HeartbeatRequest {
  const worker = { id: "worker-1", tasks: [TASK], slots: 4, concurrency: {}, version: "0.1.0" };
  return { worker, presenceMs: LEASE_MS, leaseMs: LEASE_MS, beats };
}

function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
}

export const heartbeatCases: readonly StoreCase[] = [
  storeCase("heartbeat: the holder is told that the job is held", async (scene) => {
    const held = await scene.start(1);
    const before = await scene.record(idOf(1));
    assert.equal(await scene.beat(held), "held");
    assert.deepEqual(await scene.record(idOf(1)), before);
  }),

  storeCase(
    "heartbeat: a token that is not the current one is answered lost, and its patch is dropped",
    async (scene) => {
      const held = await scene.start(1);
      const before = await scene.record(idOf(1));
      for (const token of ["", "another", `${held.token} `]) {
        const patch = { logs: ["not mine"], progress: HALF, usage: USAGE };
        assert.equal(await scene.beat({ id: held.id, token }, patch), "lost");
      }
      assert.deepEqual(await scene.record(idOf(1)), before);
    },
  ),

  storeCase("heartbeat: a refused heartbeat renews nothing", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(LEASE_MS - 1);
    await scene.beat({ id: held.id, token: "another" });
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("heartbeat: a job that does not exist is answered lost", async (scene) => {
    assert.equal(await scene.beat({ id: idOf(1), token: "any" }, { logs: ["anybody?"] }), "lost");
    assert.equal(await scene.find(idOf(1)), null);
  }),

  storeCase("heartbeat: a job that never ran is answered lost", async (scene) => {
    await scene.add([1]);
    const before = await scene.record(idOf(1));
    for (const token of ["any", ""]) assert.equal(await scene.beat({ id: idOf(1), token }, { logs: ["?"] }), "lost");
    assert.deepEqual(await scene.record(idOf(1)), before);
  }),

  storeCase("heartbeat: a cancel reaches the holder, however often it asks, and nothing is written", async (scene) => {
    const held = await scene.start(1);
    await scene.cancel(held.id);
    const before = await scene.record(idOf(1));
    assert.equal(await scene.beat(held, { logs: ["still here"] }), "cancelled");
    assert.equal(await scene.beat(held, { progress: HALF }), "cancelled");
    assert.deepEqual(await scene.record(idOf(1)), before);
  }),

  storeCase("heartbeat: a cancel reaches the holder also when the job was retried and claimed since", async (scene) => {
    const held = await scene.start(1);
    await scene.cancel(held.id);
    await scene.retry(held.id);
    assert.equal(await scene.beat(held), "cancelled");
    const next = await scene.takeOne();
    assert.equal(await scene.beat(held), "cancelled");
    assert.equal(await scene.beat(next), "held");
  }),

  storeCase("heartbeat: only the holder of a cancelled job is told so, and others that it is lost", async (scene) => {
    const held = await scene.start(1);
    await scene.cancel(held.id);
    assert.equal(await scene.beat({ id: held.id, token: "another" }), "lost");
  }),

  storeCase("heartbeat: an attempt that was settled is answered lost", async (scene) => {
    for (const [n, to] of (["completed", "failed", "pending"] as const).entries()) {
      const held = await scene.start(n);
      await scene.settle(held, { to, delayMs: to === "pending" ? 60_000 : null });
      assert.equal(await scene.beat(held, { logs: ["too late"] }), "lost");
      assert.deepEqual((await scene.record(held.id)).logs, []);
    }
  }),

  storeCase("heartbeat: the jobs of a batch are independent", async (scene) => {
    const first = await scene.start(1);
    const second = await scene.start(2);
    const third = await scene.start(3);
    await scene.cancel(second.id);
    const patch = patchOf({ logs: ["on"] });
    const beats = [
      { ...first, patch },
      { ...second, patch },
      { id: idOf(9), token: "any", patch },
      { ...third, token: "another", patch },
      { ...third, patch },
    ];
    assert.deepEqual(await scene.store.heartbeat(heartbeat(beats)), ["held", "cancelled", "lost", "lost", "held"]);
    const records = await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n))));
    assert.deepEqual(
      records.map((record) => record.logs),
      [["on"], [], ["on"]],
    );
  }),

  storeCase("heartbeat: the same job twice in a batch is patched twice, in order", async (scene) => {
    const held = await scene.start(1);
    const done = (n: number): Progress => ({ fraction: null, done: n, total: null, message: null });
    const beats = [1, 2].map((n) => ({ ...held, patch: patchOf({ logs: [`line ${n}`], progress: done(n) }) }));
    assert.deepEqual(await scene.store.heartbeat(heartbeat(beats)), ["held", "held"]);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.logs, record.progress], [["line 1", "line 2"], done(2)]);
  }),

  storeCase("heartbeat: progress replaces the previous one, and none leaves it as it is", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { progress: HALF });
    assert.deepEqual((await scene.record(idOf(1))).progress, HALF);
    await scene.beat(held, { logs: ["no progress"] });
    await scene.beat(held, { usage: USAGE });
    await scene.beat(held, null);
    assert.deepEqual((await scene.record(idOf(1))).progress, HALF);
    const blank: Progress = { fraction: null, done: null, total: null, message: null };
    await scene.beat(held, { progress: blank });
    assert.deepEqual((await scene.record(idOf(1))).progress, blank);
    const exact: Progress = { fraction: 0.1 + 0.2, done: 0, total: 9_007_199_254_740_991, message: "" };
    await scene.beat(held, { progress: exact });
    assert.deepEqual((await scene.record(idOf(1))).progress, exact);
  }),

  storeCase("heartbeat: usage replaces the previous one, and none leaves it as it is", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { usage: USAGE });
    await scene.beat(held, { logs: ["no usage"] });
    await scene.beat(held, { progress: HALF });
    assert.deepEqual((await scene.record(idOf(1))).usage, USAGE);
    const unpriced: Usage = { inputTokens: 0, outputTokens: 1, cost: null };
    await scene.beat(held, { usage: unpriced });
    assert.deepEqual((await scene.record(idOf(1))).usage, unpriced);
  }),

  storeCase("heartbeat: what one attempt reports does not affect another's", async (scene) => {
    const held = await scene.start(1);
    await scene.start(2);
    await scene.beat(held, { progress: HALF, usage: USAGE, logs: ["mine"] });
    const { progress, usage, logs } = await scene.record(idOf(2));
    assert.deepEqual([progress, usage, logs], [null, null, []]);
  }),

  storeCase("heartbeat: log lines are appended", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { logs: ["one", "two"] });
    await scene.beat(held, { logs: [] });
    await scene.beat(held, { logs: ["two", "three"] });
    assert.deepEqual((await scene.record(idOf(1))).logs, ["one", "two", "two", "three"]);
  }),

  storeCase("heartbeat: the newest log lines are kept, over many heartbeats and attempts", async (scene) => {
    const first = await scene.start(1);
    for (let n = 0; n < MAX_LOG_LINES; n += 250) await scene.beat(first, { logs: lines(n, n + 250) });
    assert.deepEqual((await scene.record(idOf(1))).logs, lines(0, MAX_LOG_LINES));
    await scene.settle(first, { to: "pending", patch: patchOf({ logs: lines(MAX_LOG_LINES, MAX_LOG_LINES + 1) }) });
    assert.deepEqual((await scene.record(idOf(1))).logs, lines(1, MAX_LOG_LINES + 1));
    await scene.beat(await scene.takeOne(), { logs: lines(MAX_LOG_LINES + 1, MAX_LOG_LINES + 8) });
    assert.deepEqual((await scene.record(idOf(1))).logs, lines(8, MAX_LOG_LINES + 8));
  }),

  storeCase("heartbeat: of more log lines than are kept in one patch, the newest are", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { logs: ["older"] });
    await scene.beat(held, { logs: lines(0, MAX_LOG_LINES + 5) });
    assert.deepEqual((await scene.record(idOf(1))).logs, lines(5, MAX_LOG_LINES + 5));
  }),

  storeCase("heartbeat: without beats there are no answers", async (scene) => {
    assert.deepEqual(await scene.store.heartbeat(heartbeat([])), []);
  }),
];
