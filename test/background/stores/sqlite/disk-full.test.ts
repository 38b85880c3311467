import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, type JobError, newJobId, SqliteQueue } from "rapidai/background";
import { afterAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { newFolder } from "../peers.ts";

const disk: string = join(newFolder(), "disk");
let isMounted = false;

beforeEach((context) => {
  if (!isMounted && !mountDisk()) context.skip("filling a disk needs the permission to mount one");
});
afterAll(() => {
  if (isMounted) execFileSync("umount", [disk]);
});

/** Mounts a disk small enough to be filled. */
function mountDisk(): boolean {
  mkdirSync(disk, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "rapidai-test", disk], { stdio: "ignore" });
    isMounted = true;
  } catch {
    // Only root can, and only on Linux.
  }
  return isMounted;
}

const FULL: RegExp = /The disk of the queue's file .* is full: free some space; nothing that was accepted is lost/;

/** Fills the disk to the last byte; returns the file to remove. */
function fillDisk(): string {
  const filler = join(disk, "filler");
  for (let size = 1_000_000; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
    } catch {
      // Half as much may still fit.
    }
  }
  return filler;
}

test("a queue opened on a full disk says so, and works once there is room", async () => {
  const path = join(disk, "started.db");
  const before = new SqliteQueue({ path, worker: false });
  const jobId = await before.enqueue("work");
  await before.close();
  const filler = fillDisk();
  const queue = new SqliteQueue({ path, worker: false });
  onTestFinished(async () => {
    await queue.close();
    rmSync(filler, { force: true });
  });
  const refusal = { code: "queue_unavailable", message: expect.stringMatching(FULL) };
  await expect(queue.ready({ timeout: "20s" })).rejects.toMatchObject(refusal);
  await expect(queue.getResult(jobId)).rejects.toMatchObject(refusal);
  rmSync(filler);
  expect(await queue.getResult(jobId)).toMatchObject({ status: "pending" });
});

test("enqueue on a full disk says so, no accepted job is lost, and work goes on once there is room", async () => {
  const path = join(disk, "jobs.db");
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(3_000_000));
  const producer = new SqliteQueue({ path, worker: false });
  const accepted: { id: string; payload: string }[] = [];
  let refusal: JobError | undefined;
  while (refusal === undefined) {
    const job = { id: newJobId(), payload: randomBytes(30_000).toString("base64") };
    await producer.enqueue("work", job.payload, { id: job.id }).then(
      () => accepted.push(job),
      (error: JobError) => {
        refusal = error;
      },
    );
  }
  expect(refusal).toMatchObject({
    name: "JobError",
    code: "queue_unavailable",
    message: expect.stringMatching(FULL),
  });
  expect(accepted.length).toBeGreaterThan(20);
  for (const { id, payload } of accepted) expect(await producer.getDetails(id)).toMatchObject({ payload });
  const [inUse] = [new DatabaseSync(path)];
  expect(inUse.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  inUse.close();

  // To the last byte: now a worker cannot even claim.
  const filler = fillDisk();
  const queue = new SqliteQueue({ path });
  const errors: JobError[] = [];
  queue.on("error", ({ error }) => errors.push(error as JobError));
  const work = background({ name: "work", queue }, (payload: string) => payload.length);
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  expect((await queue.health()).isHealthy).toBe(false);
  expect((await queue.counts().catch(() => undefined))?.byStatus.completed ?? 0).toBe(0);

  rmSync(ballast);
  rmSync(filler);
  for (const { id, payload } of accepted) {
    expect(await work.wait(id)).toMatchObject({ status: "completed", result: payload.length });
  }
  const id = (refusal as JobError).jobId as string;
  expect(await producer.getResult(id)).toBe(null);
  await producer.enqueue("work", "again", { id });
  expect(await work.wait(id)).toMatchObject({ status: "completed", result: 5 });
  await producer.close();
  await queue.close();
});
