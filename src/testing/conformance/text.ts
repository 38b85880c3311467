import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, newJob, patchOf, TASK } from "./scene.ts";

/** Texts that break a store which puts them unescaped into a query, a key, an object or a C string. */
const HOSTILE: readonly string[] = [
  "",
  " ",
  "null",
  "__proto__",
  "constructor",
  "toString",
  '{"__proto__":{"isAdmin":true}}',
  "a\0b",
  "\0",
  "'; DROP TABLE jobs; --",
  '"\\"',
  "%s %d $1 {0} :id ?1 @id",
  "redis.call('FLUSHALL')",
  "line\r\nline\u2028line\u2029line",
  "é ẞ 中文 🙂 e\u0301 \u200d \ufeff",
  "\ufffd",
  "0x1F",
  "1e400",
  "-0",
];

/** Valid task names that have a meaning elsewhere. */
const TASK_NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "0",
  "-1",
  "null",
  "a",
  "a:b",
  "a:b:c",
  ":",
  "a.b",
  "SEND-EMAIL",
  "x".repeat(128),
];

export const textCases: readonly StoreCase[] = [
  storeCase("text: payloads come back as they were, whatever they contain", async (scene) => {
    await scene.store.enqueue(HOSTILE.map((payload, n) => newJob(n, { payload })));
    for (const [n, payload] of HOSTILE.entries()) assert.equal((await scene.record(idOf(n))).payload, payload);
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map((job) => job.payload),
      HOSTILE,
    );
  }),

  storeCase("text: results come back as they were, whatever they contain", async (scene) => {
    await scene.add(HOSTILE.map((_, n) => n));
    const request = scene.request();
    await scene.store.claim(request);
    const { token } = request;
    await scene.store.settle(HOSTILE.map((result, n) => scene.settlement({ id: idOf(n), token }, { result })));
    for (const [n, result] of HOSTILE.entries()) assert.equal((await scene.record(idOf(n))).result, result);
  }),

  storeCase("text: log lines, notes and errors come back as they were, whatever they contain", async (scene) => {
    for (const [n, text] of HOSTILE.entries()) {
      const held = await scene.start(n, {}, { worker: text });
      const progress = { fraction: null, done: 1, total: null, message: text };
      const failure = { name: text, message: text, stack: text };
      assert.equal(await scene.beat(held, { logs: [text, text], progress }), "held");
      assert.equal(await scene.settle(held, { to: "pending", delayMs: 1_000_000, failure }), "settled");
      assert.equal(await scene.cancel(idOf(n), text), true);
      const record = await scene.record(idOf(n));
      assert.deepEqual(record.logs, [text, text]);
      assert.deepEqual(record.progress, progress);
      assert.equal(record.cancelledBy, text);
      assert.equal(record.worker, text);
      const { name, message, stack, worker } = record.past[0] ?? {};
      assert.deepEqual([name, message, stack, worker], [text, text, text, text]);
    }
  }),

  storeCase("text: a lone surrogate is kept or replaced, and affects nothing else", async (scene) => {
    const broken = ["a\ud800", "\udc00b", "\ud800\ud800 c \udfff"];
    const held = await scene.start(1);
    const logs = ["before", ...broken, "behind 🙂"];
    assert.equal(await scene.settle(held, { result: broken[2] as string, patch: patchOf({ logs }) }), "settled");
    const record = await scene.record(idOf(1));
    assert.equal(record.result?.toWellFormed(), broken[2]?.toWellFormed());
    assert.deepEqual(
      record.logs.map((line) => line.toWellFormed()),
      logs.map((line) => line.toWellFormed()),
    );
    assert.equal(await scene.settle(await scene.start(2), { result: broken[0] as string }), "settled");
    assert.equal((await scene.record(idOf(2))).result?.toWellFormed(), broken[0]?.toWellFormed());
  }),

  storeCase("text: a payload and a result of a mebibyte come back whole", async (scene) => {
    const payload = `"${"p".repeat(1_048_574)}"`;
    const result = `"${"é".repeat(524_287)}"`;
    const held = await scene.start(1, { payload });
    assert.equal(await scene.settle(held, { result }), "settled");
    const record = await scene.record(idOf(1));
    assert.ok(record.payload === payload, "the payload has changed");
    assert.ok(record.result === result, "the result has changed");
  }),

  storeCase("text: tasks are kept apart, whatever their names", async (scene) => {
    await scene.store.enqueue(TASK_NAMES.map((task, n) => newJob(n, { task })));
    const { tasks } = await scene.store.count();
    assert.deepEqual([...tasks.keys()].sort(), [...TASK_NAMES].sort());
    for (const [n, task] of TASK_NAMES.entries()) {
      assert.equal(tasks.get(task)?.pending, 1);
      assert.equal((await scene.record(idOf(n))).task, task);
      assert.deepEqual(await scene.list({ task }), [idOf(n)]);
      assert.deepEqual(await scene.list({ task, status: "pending" }), [idOf(n)]);
      assert.deepEqual(await scene.take({ lanes: [{ lane: task, limit: 9 }] }), [idOf(n)]);
      assert.deepEqual(await scene.list({ task, status: "running" }), [idOf(n)]);
      assert.deepEqual(await scene.list({ task, status: "pending" }), []);
    }
  }),

  storeCase("text: unknown task names are not found, whatever they are", async (scene) => {
    await scene.add([1]);
    for (const task of ["__proto__", "constructor", "SEND-EMAIL", "send", "send-email:", "%", "*", "send?email", ""]) {
      assert.deepEqual(await scene.list({ task }), []);
      assert.equal((await scene.store.count()).tasks.get(task), undefined);
      assert.deepEqual(await scene.claim({ lanes: [{ lane: task, limit: 9 }] }), { jobs: [], nextDueMs: null });
      assert.equal(await scene.cancel(idOf(1), null, task), false);
    }
  }),

  storeCase("text: an unknown id is not found, whatever it is", async (scene) => {
    await scene.add([1]);
    for (const id of [...HOSTILE, idOf(1).toUpperCase(), `${idOf(1)} `, `${idOf(1)}\0`, TASK]) {
      assert.equal(await scene.find(id), null);
      assert.equal(await scene.cancel(id), false);
      assert.equal(await scene.retry(id), false);
      assert.equal(await scene.settle({ id, token: "any" }), "lost");
      assert.equal(await scene.beat({ id, token: "any" }), "lost");
    }
    assert.deepEqual(await scene.list(), [idOf(1)]);
    assert.equal((await scene.record(idOf(1))).status, "pending");
  }),

  storeCase("text: presence comes back as it was, whatever it contains", async (scene) => {
    const tasks = TASK_NAMES;
    const concurrency = Object.fromEntries(tasks.map((task, index) => [task, index]));
    for (const id of HOSTILE) {
      const worker = { id, tasks, slots: 3, concurrency, version: id };
      await scene.store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1_000, beats: [] });
    }
    const { workers } = await scene.store.count();
    assert.deepEqual(
      new Map(workers.map((worker) => [worker.id, worker])),
      new Map(HOSTILE.map((id) => [id, { id, tasks, slots: 3, concurrency, version: id }])),
    );
  }),
];
