import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { background, type JobDetails, SqliteQueue } from "rapidai/background";
import { expect, test } from "vitest";
import { type Line, linesOf, newFolder, Peer, rounds, startPeers } from "./peers.ts";

const PRODUCER: string = fileURLToPath(new URL("./programs/producer.ts", import.meta.url));
const LEASE_MS = 800;
const WORKERS = 3;
const ROUNDS: number = rounds(6);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

async function killed(program: ChildProcess): Promise<void> {
  const ended = once(program, "exit");
  program.kill("SIGKILL");
  await ended;
}

test(`of jobs whose processes are killed at any moment, ${ROUNDS} times, none is lost, doubled or overwritten`, {
  timeout: 30_000 + ROUNDS * 3_000,
}, async () => {
  const folder = newFolder();
  const path = join(folder, "jobs.db");
  const [journal, acknowledged] = [join(folder, "journal"), join(folder, "acknowledged")];
  for (const file of [journal, acknowledged]) writeFileSync(file, "");
  const options = { path, lease: LEASE_MS, concurrency: 4 };
  const produce = () =>
    spawn(process.execPath, [...process.execArgv, PRODUCER, path, acknowledged, "60"], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });

  // When a killed process was gone: no attempt of its own ran any more.
  const goneAt = new Map<number, number>();
  const workers = await startPeers(WORKERS, options, journal);
  const everyWorker = [...workers];
  let producer = produce();
  for (let round = 0; round < ROUNDS; round++) {
    await pause(100 + Math.random() * 500);
    if (round % 4 === 3) {
      await killed(producer);
      producer = produce();
      continue;
    }
    const victim = pick(workers);
    await victim.end();
    goneAt.set(victim.pid, Date.now());
    const next = new Peer();
    workers[workers.indexOf(victim)] = next;
    everyWorker.push(next);
    // The others go on meanwhile; a moment that it may be killed in begins with its first.
    const made = next.call("make", options, journal);
    if (Math.random() < 0.5) await made;
    else made.catch(() => {});
  }
  await killed(producer);

  const queue = new SqliteQueue({ path, worker: false });
  const isAllDone = async () => {
    const { pending, running } = (await queue.counts()).byStatus;
    return pending + running === 0;
  };
  await expect.poll(isAllDone, { timeout: 30_000, interval: 100 }).toBe(true);
  const jobs = new Map<string, JobDetails>();
  for (const { jobId } of await everyJob(queue)) jobs.set(jobId, (await queue.getDetails(jobId)) as JobDetails);
  await queue.close();
  const completed = everyWorker.flatMap((worker) => worker.events("completed").map(({ jobId }) => jobId));
  await Promise.all(workers.map((worker) => worker.end()));

  const ids = readFileSync(acknowledged, "utf8").trim().split("\n");
  expect(ids.filter((id) => !jobs.has(id))).toEqual([]);
  expect(new Set(completed).size).toBe(completed.length);
  const lines = Map.groupBy(linesOf(journal), ({ id }) => id);
  for (const [id, job] of jobs)
    expect({ id, faults: faultsOf(job, lines.get(id) ?? [], goneAt) }).toEqual({ id, faults: [] });
  const db = new DatabaseSync(path);
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  expect(db.prepare("SELECT task, status, jobs FROM rapidai_counts ORDER BY 1, 2").all()).toEqual(
    db.prepare("SELECT task, status, count(*) AS jobs FROM rapidai_jobs GROUP BY 1, 2 ORDER BY 1, 2").all(),
  );
  db.close();
  if (ROUNDS > 6) {
    const losses = [...jobs.values()].reduce((sum, job) => sum + job.losses, 0);
    console.log(`${ROUNDS} rounds: ${ids.length} jobs acknowledged, ${jobs.size} there, ${losses} losses`);
  }
});

async function everyJob(queue: SqliteQueue): Promise<{ jobId: string }[]> {
  const all: { jobId: string }[] = [];
  for (;;) {
    const page = await queue.listJobs({ limit: 500, before: all.at(-1)?.jobId });
    all.push(...page);
    if (page.length < 500) return all;
  }
}

/** What contradicts the promises in the life of a job, as sentences. */
function faultsOf(job: JobDetails, lines: readonly Line[], goneAt: ReadonlyMap<number, number>): string[] {
  const faults: string[] = [];
  const check = (isTrue: boolean, sentence: string) =>
    isTrue || faults.push(`${sentence}: ${JSON.stringify([job, lines])}`);
  const lost = job.history.filter(({ error }) => error?.message.startsWith("The worker "));
  const thrown = job.history.filter(({ error }) => error?.message.startsWith("failure "));

  check(job.isDone, "it has not ended");
  check(
    job.status === "completed" || (job.status === "failed" && job.losses === 3),
    "it ended otherwise than it could",
  );
  check(lost.length === job.losses, "a loss is not in its history");
  const ends = lost.length + thrown.length + (job.status === "completed" ? 1 : 0);
  check(job.attempts === ends, "an attempt has no end, or one that was not counted");
  for (const { startedAt, endedAt } of lost)
    check(Number(endedAt) - startedAt.getTime() >= LEASE_MS, "an attempt was taken for lost before its lease ran out");

  const starts = lines.filter(({ what }) => what === "start");
  check(new Set(starts.map(({ attempt }) => attempt)).size === starts.length, "one attempt was started twice");
  if (job.status === "completed") {
    const { attempt, pid } = job.result as { attempt: number; pid: number };
    check(attempt === job.attempts, "its result is not of its last attempt");
    check(
      lines.some((line) => line.what === "end" && line.attempt === attempt && line.pid === pid),
      "its result is of an attempt that never ended",
    );
  }
  for (const [index, { pid, attempt }] of starts.entries()) {
    const next = starts[index + 1];
    const end = lines.find((line) => line.what === "end" && line.attempt === attempt && line.pid === pid);
    const overAt = end?.at ?? goneAt.get(pid) ?? Number.POSITIVE_INFINITY;
    // One whose lease ran out although its process lives, on a machine that had no time for it, may overlap.
    const isLost = lost.some((past) => past.attempt === attempt);
    check(next === undefined || next.at >= overAt || isLost, "two attempts ran at the same time");
    const before = job.history.find((past) => past.attempt === attempt);
    check(next === undefined || before?.error !== null, "it was started again although nothing had ended it");
  }
  return faults;
}

test("what a killed process left behind is found by making the queue and its tasks, and done", async () => {
  const path = join(newFolder(), "jobs.db");
  const [victim] = (await startPeers(1, { path, lease: LEASE_MS, concurrency: 1 })) as [Peer];
  const [running, waiting] = [
    await victim.call<string>("enqueue", "stubborn"),
    await victim.call<string>("enqueue", "work"),
  ];
  await expect.poll(() => victim.events("started").map(({ jobId }) => jobId)).toEqual([running]);
  await victim.end();
  const goneAt = Date.now();

  const queue = new SqliteQueue({ path, lease: LEASE_MS });
  const done: string[] = [];
  const afterMs: number[] = [];
  background({ name: "stubborn", queue }, (_, { id }) => void done.push(id));
  background({ name: "work", queue }, (_, { id }) => void done.push(id));
  queue.on("completed", () => afterMs.push(Date.now() - goneAt));
  await expect.poll(() => afterMs.length).toBe(2);
  // The one that waited at once, the one that ran after its lease.
  expect(done).toEqual([waiting, running]);
  expect(afterMs[1]).toBeLessThan(LEASE_MS + 3_000);
  expect(await queue.getResult(running)).toMatchObject({ status: "completed", attempts: 2 });
  await queue.close();
});
