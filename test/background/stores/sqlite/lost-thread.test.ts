import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { background, newJobId, SqliteQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../../../src/background/engine/system-clock.ts";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { newFolder } from "../peers.ts";

/** Every thread that is made from now on, recognized by the unref() that follows. */
function threads(): Worker[] {
  const made: Worker[] = [];
  const unref = Worker.prototype.unref;
  const spy = vi.spyOn(Worker.prototype, "unref").mockImplementation(function (this: Worker) {
    if (!made.includes(this)) made.push(this);
    unref.call(this);
  });
  onTestFinished(() => spy.mockRestore());
  return made;
}

test("a queue whose thread ends goes on with another: calls, workers and signals of other processes", async () => {
  const made = threads();
  const path = join(newFolder(), "jobs.db");
  const queue = new SqliteQueue({ path });
  const other = new SqliteQueue({ path, worker: false, thread: false });
  onTestFinished(() => queue.close());
  onTestFinished(() => other.close());
  const task = background({ queue }, async function goesOn(n: number) {
    return n;
  });
  expect(await task.wait(await task.enqueue(1))).toMatchObject({ result: 1 });
  const heard: string[] = [];
  await queue.watchFinished(({ jobIds }) => void heard.push(...jobIds));
  for (let n = 2; n < 5; n++) {
    await made.at(-1)?.terminate();
    await vi.waitFor(() => queue.ready(), { timeout: 20_000 });
    expect(await task.wait(await task.enqueue(n))).toMatchObject({ result: n, attempts: 1 });
    expect(made).toHaveLength(n);
    const jobId = await other.enqueue("nobody", n, { delay: "1h" });
    await other.cancel(jobId);
    await vi.waitFor(() => expect(heard).toContain(jobId), { timeout: 20_000 });
  }
  expect(await queue.health()).toMatchObject({ isHealthy: true });
});

test("a thread that fails just as its queue is closed does no harm", async () => {
  const heard: boolean[] = [];
  const queue = new SqliteQueue({ path: join(newFolder(), "jobs.db") });
  await queue.ready({ timeout: "20s" });
  const { terminate } = Worker.prototype;
  const ending = vi.spyOn(Worker.prototype, "terminate").mockImplementation(function (this: Worker) {
    // An earlier error may be emitted only now: without a listener it would end the process.
    heard.push(this.listenerCount("error") > 0);
    this.emit("error", new Error("on its way out"));
    return terminate.call(this);
  });
  onTestFinished(() => ending.mockRestore());
  await queue.close();
  expect(heard).toEqual([true]);
});

test("concurrent calls to a store whose thread has ended all wait for the next thread", async () => {
  const made = threads();
  const path = join(newFolder(), "jobs.db");
  const store = new SqliteStore({ path, durability: "full", clock: systemClock, isThreaded: true });
  onTestFinished(() => store.close());
  await store.open();
  const ended = once(made[0] as Worker, "exit");
  await made[0]?.terminate();
  await ended;
  const answers = await Promise.all([store.cancel([]), store.get([newJobId()], { isDetailed: false, holdMs: 0 })]);
  expect(answers).toEqual([[], [null]]);
});
