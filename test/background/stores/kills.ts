import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JobDetails, JobQueue } from "rapidai/background";
import { expect } from "vitest";
import { type Line, linesOf, newFolder, Peer, startPeers } from "./peers.ts";
import { queueOf, type SharedOptions } from "./programs/shared.ts";

const PRODUCER: string = fileURLToPath(new URL("./programs/producer.ts", import.meta.url));
const WORKERS = 3;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

async function killed(program: ChildProcess): Promise<void> {
  const ended = once(program, "exit");
  program.kill("SIGKILL");
  await ended;
}

/** What is killed again and again while processes enqueue and work. */
export interface Kills {
  readonly options: SharedOptions;
  readonly leaseMs: number;
  readonly rounds: number;
  /** Kills the store's server and restarts it, instead of killing a process. */
  readonly killStore?: () => Promise<void>;
}

/**
 * Kills processes at random moments of their work and expects that every acknowledged job ends, no result comes from an
 * attempt that had lost its job, and no job is started again before its lease has expired.
 */
export async function surviveKills({ options, leaseMs, rounds, killStore }: Kills): Promise<void> {
  const folder = newFolder();
  const [journal, acknowledged] = [join(folder, "journal"), join(folder, "acknowledged")];
  for (const file of [journal, acknowledged]) writeFileSync(file, "");
  const own = { ...options, lease: leaseMs, concurrency: 4 };
  const produce = () =>
    spawn(process.execPath, [...process.execArgv, PRODUCER, JSON.stringify(options), acknowledged, "60"], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });

  // When a killed process was gone, and its attempts with it.
  const goneAt = new Map<number, number>();
  const workers = await startPeers(WORKERS, own, journal);
  const everyWorker = [...workers];
  let producer = produce();
  const acknowledgedIds = () => readFileSync(acknowledged, "utf8").split("\n").filter(Boolean);
  for (let round = 0; round < rounds; round++) {
    // New work in each round, however slow the machine is, shows that what was killed before is back.
    const before = acknowledgedIds().length;
    await expect.poll(() => acknowledgedIds().length, { timeout: 15_000 }).toBeGreaterThan(before);
    await pause(100 + Math.random() * 500);
    if (killStore !== undefined) {
      await killStore();
      continue;
    }
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
    // The others go on meanwhile; without the wait, the new one may be killed while it starts.
    const made = next.call("make", own, journal);
    if (Math.random() < 0.5) await made;
    else made.catch(() => {});
  }
  await killed(producer);

  const queue = queueOf({ ...options, worker: false });
  const isAllDone = async () => {
    const { pending, running } = (await queue.counts()).byStatus;
    return pending + running === 0;
  };
  await expect.poll(isAllDone, { timeout: 30_000, interval: 100 }).toBe(true);
  const jobs = new Map<string, JobDetails>();
  for (const { jobId } of await everyJob(queue)) jobs.set(jobId, (await queue.getDetails(jobId)) as JobDetails);
  const ids = acknowledgedIds();
  const lines = Map.groupBy(linesOf(journal), ({ id }) => id);
  // The record of a missing job tells whether the job was removed, or only dropped from the lists.
  const missing = ids.filter((id) => !jobs.has(id));
  const found = await Promise.all(
    missing.map(async (id) => ({ id, job: await queue.getDetails(id), lines: lines.get(id) })),
  );
  await queue.close();
  const completed = everyWorker.flatMap((worker) => worker.events("completed").map(({ jobId }) => jobId));
  await Promise.all(workers.map((worker) => worker.end()));

  expect(found).toEqual([]);
  expect(new Set(completed).size).toBe(completed.length);
  for (const [id, job] of jobs)
    expect({ id, faults: faultsOf(job, lines.get(id) ?? [], goneAt, leaseMs) }).toEqual({ id, faults: [] });
  if (rounds > 10) {
    const losses = [...jobs.values()].reduce((sum, job) => sum + job.losses, 0);
    console.log(`${rounds} rounds: ${ids.length} jobs acknowledged, ${jobs.size} there, ${losses} losses`);
  }
}

async function everyJob(queue: JobQueue): Promise<{ jobId: string }[]> {
  const all: { jobId: string }[] = [];
  for (;;) {
    const page = await queue.listJobs({ limit: 500, before: all.at(-1)?.jobId });
    all.push(...page);
    if (page.length < 500) return all;
  }
}

/** What contradicts the promises in the life of a job, as sentences. */
function faultsOf(
  job: JobDetails,
  lines: readonly Line[],
  goneAt: ReadonlyMap<number, number>,
  leaseMs: number,
): string[] {
  const faults: string[] = [];
  const check = (isTrue: boolean, sentence: string) =>
    isTrue || faults.push(`${sentence}: ${JSON.stringify([job, lines])}`);
  const lost = job.history.filter(({ error }) => error?.message.startsWith("The worker "));
  const thrown = job.history.filter(({ error }) => error?.message.startsWith("failure "));

  check(job.isDone, "it has not ended");
  check(job.status === "completed" || (job.status === "failed" && job.losses === 3), "it ended as it could not");
  check(lost.length === job.losses, "a loss is not in its history");
  const ends = lost.length + thrown.length + (job.status === "completed" ? 1 : 0);
  check(job.attempts === ends, "an attempt has no end, or one that was not counted");
  for (const { startedAt, endedAt } of lost)
    check(Number(endedAt) - startedAt.getTime() >= leaseMs, "an attempt was taken for lost before its lease ran out");

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
    // On a busy machine a lease may expire although its process lives: such an attempt may overlap the next.
    const isLost = lost.some((past) => past.attempt === attempt);
    check(next === undefined || next.at >= overAt || isLost, "two attempts ran at the same time");
    const before = job.history.find((past) => past.attempt === attempt);
    check(next === undefined || before?.error !== null, "it was started again although nothing had ended it");
  }
  return faults;
}
