// Files that are deleted, moved or replaced while a queue has them open.

import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, SqliteQueue } from "rapidai/background";
import { describe, expect, onTestFinished, test } from "vitest";
import { newFolder } from "../peers.ts";

interface Opened {
  readonly path: string;
  readonly queue: SqliteQueue;
  readonly jobId: string;
}

/** A queue with a completed job, in a file of its own. */
async function opened(path: string = join(newFolder(), "jobs.db"), thread?: boolean): Promise<Opened> {
  const queue = new SqliteQueue({ path, thread });
  onTestFinished(() => queue.close());
  const work = background({ queue, name: "work" }, async (n: number) => n);
  const jobId = await work.enqueue(1);
  await work.wait(jobId);
  return { path, queue, jobId };
}

const GONE = {
  code: "queue_unavailable",
  message: expect.stringMatching(/jobs\.db was deleted or moved while it was open.*put it back, or end every program/),
};

describe.each([true, false])("a file that is gone, with thread: %s", (thread) => {
  test("is reported by every call, and none is answered from what is left of it", async () => {
    const { path, queue, jobId } = await opened(undefined, thread);
    for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
    await expect(queue.enqueue("work", 2)).rejects.toMatchObject(GONE);
    await expect(queue.getResult(jobId)).rejects.toMatchObject(GONE);
    await expect(queue.cancel(jobId)).rejects.toMatchObject(GONE);
    expect(await queue.health()).toMatchObject({ isHealthy: false, error: GONE.message });
  });

  test("and comes back is used again, by the worker too", async () => {
    const { path, queue } = await opened(undefined, thread);
    renameSync(path, `${path}.away`);
    await expect(queue.enqueue("work", 2)).rejects.toMatchObject(GONE);
    renameSync(`${path}.away`, path);
    const jobId = await queue.enqueue("work", 2);
    expect(await queue.wait(jobId, { timeout: "20s" })).toMatchObject({ status: "completed", result: 2 });
  });
});

describe.each([true, false])("a log that was deleted, with thread: %s", (thread) => {
  test("is reported by every call, and what it held is in the file once the queue is closed", async () => {
    const { path, queue, jobId } = await opened(undefined, thread);
    rmSync(`${path}-wal`);
    const gone = {
      code: "queue_unavailable",
      message: expect.stringMatching(/jobs\.db-wal of the queue's file was deleted .* end every program/),
    };
    await expect(queue.enqueue("work", 2)).rejects.toMatchObject(gone);
    await expect(queue.getResult(jobId)).rejects.toMatchObject(gone);
    expect(await queue.health()).toMatchObject({ isHealthy: false, error: gone.message });
    await queue.close();
    const next = new SqliteQueue({ path, worker: false });
    expect(await next.getResult(jobId)).toMatchObject({ status: "completed", result: 1 });
    await next.close();
  });
});

test("a file that replaced the queue's is not mistaken for it", async () => {
  const { path, queue, jobId } = await opened();
  const other = await opened(join(newFolder(), "other.db"));
  await other.queue.close();
  renameSync(path, `${path}.away`);
  renameSync(other.path, path);
  const replaced = { code: "queue_unavailable", message: expect.stringContaining("was replaced by another while") };
  await expect(queue.enqueue("work", 2)).rejects.toMatchObject(replaced);
  await expect(queue.getResult(jobId)).rejects.toMatchObject(replaced);
  renameSync(`${path}.away`, path);
  expect(await queue.getResult(jobId)).toMatchObject({ status: "completed" });
});

test("a backup that replaced the file can be used by doing what the error says", async () => {
  const { path, queue, jobId } = await opened();
  const db = new DatabaseSync(path);
  db.exec(`VACUUM INTO '${path}.backup'`);
  db.close();
  // The log that is left holds pages of these jobs, which would overwrite pages of the backup.
  const later = await queue.enqueueMany("nobody", new Array(100).fill("x".repeat(1_000)));
  renameSync(`${path}.backup`, path);
  const refusal = await queue.counts().catch((error: Error) => error.message);
  await queue.close();
  const log = /end every program that uses it, remove (.*-wal), and start again/.exec(String(refusal))?.[1];
  rmSync(String(log));
  const next = new SqliteQueue({ path, worker: false });
  expect(await next.getResult(jobId)).toMatchObject({ status: "completed" });
  expect(await next.getResult(later[0] as string)).toBe(null);
  await next.close();
  const whole = new DatabaseSync(path);
  expect(whole.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  whole.close();
});

test("a new file does not take the place of one whose log is left: SQLite would delete the log, and with it the latest jobs", async () => {
  const path = join(newFolder(), "jobs.db");
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
  onTestFinished(() => db.close());
  renameSync(path, `${path}.away`);
  const queue = new SqliteQueue({ path, worker: false });
  onTestFinished(() => queue.close());
  const refusal = {
    code: "queue_unavailable",
    message: expect.stringMatching(/jobs\.db is gone, but its log .*jobs\.db-wal is left/),
  };
  await expect(queue.enqueue("work", 1)).rejects.toMatchObject(refusal);
  expect(existsSync(path)).toBe(false);
  renameSync(`${path}.away`, path);
  await queue.enqueue("work", 1);
  expect(db.prepare("SELECT count(*) AS orders FROM orders").get()).toEqual({ orders: 0 });
});

test("a new file is begun once the leftover log is removed, as the error says", async () => {
  const path = join(newFolder(), "jobs.db");
  writeFileSync(`${path}-wal`, "left");
  const queue = new SqliteQueue({ path, worker: false });
  onTestFinished(() => queue.close());
  await expect(queue.counts()).rejects.toThrow("remove the log");
  rmSync(`${path}-wal`);
  expect((await queue.counts()).byStatus.pending).toBe(0);
});

test("a link that is changed later does not change the queue's file", async () => {
  const folder = newFolder();
  for (const release of ["1", "2"]) mkdirSync(join(folder, release));
  const current = join(folder, "current");
  symlinkSync(join(folder, "1"), current);
  const { queue } = await opened(join(current, "jobs.db"));
  unlinkSync(current);
  symlinkSync(join(folder, "2"), current);
  const jobId = await queue.enqueue("work", 2);
  expect(await queue.wait(jobId)).toMatchObject({ result: 2 });
});

test("enqueueWithin() refuses a job while the file is gone, too", async () => {
  const { path, queue } = await opened();
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  queue.enqueueWithin(db, "work", 2);
  renameSync(path, `${path}.away`);
  expect(() => queue.enqueueWithin(db, "work", 3)).toThrow(expect.objectContaining(GONE));
  renameSync(`${path}.away`, path);
  queue.enqueueWithin(db, "work", 3);
});
