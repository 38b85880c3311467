import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type JobResult, SqliteQueue } from "rapidai/background";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isComplete, rounds } from "../../../rounds.ts";
import { linesOf, newFolder, Peer, startPeers } from "../peers.ts";

const folder: string = newFolder();
const figures: string[] = [];
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

afterAll(() => {
  if (isComplete) console.log(figures.join("\n"));
});

describe("three processes on one file", () => {
  const path = join(folder, "three.db");
  const journal = join(folder, "journal");
  let workers: readonly Peer[];
  let queue: SqliteQueue;

  beforeAll(async () => {
    writeFileSync(journal, "");
    queue = new SqliteQueue({ path, worker: false });
    workers = await startPeers(3, { path, concurrency: 8 }, journal);
  });
  afterAll(() => queue.close());

  test("share 2,000 jobs: each is started once, and each process gets some", async () => {
    const ids = await queue.enqueueMany("work", new Array(2_000).fill({ ms: 0 }));
    await expect.poll(async () => (await queue.counts()).byStatus.completed).toBe(2_000);
    const starts = linesOf(journal).filter(({ what }) => what === "start");
    expect(starts.map(({ id }) => id).sort()).toEqual(ids);
    const shares = workers.map(({ pid }) => starts.filter((line) => line.pid === pid).length);
    expect(Math.min(...shares)).toBeGreaterThan(0);
    figures.push(`2,000 jobs by three processes: ${shares.join(" + ")}`);
  });

  test("list every job on its page while its state changes", async () => {
    const ids = await queue.enqueueMany("work", new Array(1_000).fill({ ms: 0 }));
    let listed: readonly JobResult[] = [];
    do {
      listed = await queue.listJobs({ task: "work", limit: ids.length });
      expect(listed.map(({ jobId }) => jobId).reverse()).toEqual(ids);
    } while (listed.some(({ status }) => status !== "completed"));
  });

  test("start a job within moments of its enqueue by another process, and report its end as fast", async () => {
    const startedAfterMs: number[] = [];
    const toldAfterMs: number[] = [];
    for (let n = 0; n < 20; n++) {
      // Out of step with the interval of polling.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      const enqueuedAt = Date.now();
      const jobId = await queue.enqueue("work", { ms: 20 });
      await queue.wait(jobId);
      const [start, end] = linesOf(journal).filter(({ id }) => id === jobId);
      startedAfterMs.push(Number(start?.at) - enqueuedAt);
      toldAfterMs.push(Date.now() - Number(end?.at));
    }
    figures.push(`a job starts in another process: median ${median(startedAfterMs)} ms, ${startedAfterMs.join(" ")}`);
    figures.push(`its end is known in the first: median ${median(toldAfterMs)} ms, ${toldAfterMs.join(" ")}`);
    expect(median(startedAfterMs)).toBeLessThan(100);
    expect(median(toldAfterMs)).toBeLessThan(100);
  });

  test("abort a handler's signal within a second when another process cancels its job", async () => {
    const afterMs: number[] = [];
    for (let n = 0; n < 5; n++) {
      const jobId = await queue.enqueue("stubborn");
      const aborts = () => workers.flatMap((worker) => worker.aborts()).filter((abort) => abort.jobId === jobId);
      await expect.poll(async () => (await queue.getResult(jobId))?.status, { interval: 10 }).toBe("running");
      const cancelledAt = Date.now();
      expect(await queue.cancel(jobId)).toBe(true);
      await expect.poll(aborts, { interval: 10 }).toMatchObject([{ code: "job_cancelled" }]);
      afterMs.push(Number(aborts()[0]?.at) - cancelledAt);
      expect(await queue.getResult(jobId)).toMatchObject({ status: "cancelled", attempts: 1 });
    }
    figures.push(`a cancel reaches the handler of another process: ${afterMs.join(" ")} ms`);
    expect(Math.max(...afterMs)).toBeLessThan(1_000);
  });

  test("use next to no CPU time while there is nothing to do", async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const SPAN_MS = 2_000;
    const before = await Promise.all(workers.map((worker) => worker.call<number>("cpuMicros")));
    await new Promise((resolve) => setTimeout(resolve, SPAN_MS));
    const after = await Promise.all(workers.map((worker) => worker.call<number>("cpuMicros")));
    const shares = after.map((micros, index) => (micros - (before[index] as number)) / 1_000 / SPAN_MS);
    figures.push(`idle processes: ${shares.map((share) => `${(100 * share).toFixed(2)} %`).join(", ")} of a core`);
    expect(median(shares)).toBeLessThan(0.03);
  });
});

describe("processes that start on a new file at the same instant", () => {
  let peers: readonly Peer[];

  beforeAll(() => {
    peers = Array.from({ length: 8 }, () => new Peer());
  });

  test.each([2, 8])(
    "%i of them create one schema, and none fails",
    { timeout: 30_000 + 1_000 * rounds(3) },
    async (count) => {
      for (let round = 0; round < rounds(3); round++) {
        const path = join(folder, `new-${count}-${round}.db`);
        const starting = peers.slice(0, count);
        await Promise.all(starting.map((peer) => peer.call("counts").catch(() => {})));
        const at = Date.now() + 60;
        const ids = await Promise.all(starting.map((peer) => peer.call<string>("makeAt", at, { path })));
        const queue = new SqliteQueue({ path, worker: false });
        for (const id of ids) expect(await queue.wait(id)).toMatchObject({ status: "completed", attempts: 1 });
        await queue.close();
        await Promise.all(starting.map((peer) => peer.call("close")));
        expect(starting.flatMap((peer) => peer.events("error"))).toEqual([]);
        const db = new DatabaseSync(path);
        expect(db.prepare("SELECT version FROM rapidai_schema").all()).toEqual([{ version: 1 }]);
        expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
        db.close();
      }
    },
  );
});
