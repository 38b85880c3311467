import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, newJobId, PermanentError, SqliteQueue } from "rapidai/background";
import { describe, expect, onTestFinished, test } from "vitest";
import { newFolder } from "../peers.ts";

test("unreadable data of one job or worker does not affect any other", async () => {
  const path = join(newFolder(), "jobs.db");
  const producer = new SqliteQueue({ path, worker: false });
  const [strange, failed, good] = [newJobId(), newJobId(), newJobId()];
  for (const id of [strange, failed, good]) await producer.enqueue("echo", "hello", { id });
  await producer.close();
  const db = new DatabaseSync(path);
  db.prepare("UPDATE rapidai_jobs SET usage = 'junk', progress = '{', run_at = run_at - 1 WHERE id = ?").run(strange);
  db.prepare("UPDATE rapidai_jobs SET has_past = 1 WHERE id = ?").run(failed);
  for (const text of ["", "[", "null"])
    db.prepare("INSERT INTO rapidai_past (job, failure) SELECT key, ? FROM rapidai_jobs WHERE id = ?").run(
      text,
      failed,
    );
  db.exec("INSERT INTO rapidai_workers VALUES ('somebody', 'junk', 9000000000000000)");
  db.close();

  const queue = new SqliteQueue({ path });
  const echo = background({ queue, name: "echo" }, (text: string) => text);
  for (const id of [strange, failed, good]) expect(await echo.wait(id)).toMatchObject({ result: "hello", errors: [] });
  expect(await queue.listJobs()).toHaveLength(3);
  expect((await queue.counts()).byStatus.completed).toBe(3);
  expect((await queue.health()).workers.map(({ id }) => id)).toContain("somebody");
  await queue.close();
});

test("a job with an invalid status is shown as failed, and can be retried", async () => {
  const path = join(newFolder(), "jobs.db");
  const queue = new SqliteQueue({ path });
  const echo = background({ queue, name: "echo" }, (text: string) => text);
  const id = await echo.enqueue("hello", { delay: "1h" });
  const db = new DatabaseSync(path);
  db.exec("UPDATE rapidai_jobs SET status = 9; DELETE FROM rapidai_due");
  db.close();
  expect(await queue.cancel(id)).toBe(false);
  expect(await queue.explain(id)).toMatchObject({ status: "failed" });
  expect(await queue.retry(id)).toBe(true);
  expect(await echo.wait(id)).toMatchObject({ status: "completed", result: "hello" });
  await queue.close();
});

describe("a number that JavaScript cannot read", () => {
  const COLUMNS = [
    ...["status", "attempts", "run_at", "completed_at", "held_until"].map((name) => `rapidai_jobs.${name}`),
    ...["rapidai_due.run_at", "rapidai_running.attempted_at", "rapidai_leases.none_ends_before", "rapidai_counts.jobs"],
    ...["rapidai_completions.completed_at", "rapidai_clock.latest"],
  ];
  const open = (path: string) => {
    const queue = new SqliteQueue({ path, thread: false, durability: "normal" });
    onTestFinished(() => queue.close({ grace: 0 }));
    return queue;
  };

  test.each(COLUMNS)("in %s makes no call fail", async (name) => {
    const [table, column] = name.split(".");
    for (const value of ["9223372036854775807", "-9223372036854775808"]) {
      const path = join(newFolder(), "jobs.db");
      const queue = open(path);
      const begun = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<string>();
      const echo = background({ queue, name: "echo" }, (text: string) => text);
      const refuse = background({ queue, name: "refuse" }, () => {
        throw new PermanentError("no");
      });
      const wait = background({ queue, name: "wait" }, () => {
        begun.resolve();
        return gate.promise;
      });
      await echo.wait(await echo.enqueue("before"));
      const failed = await refuse.enqueue();
      await refuse.wait(failed);
      const [delayed, running] = [await echo.enqueue("later", { delay: "1h" }), await wait.enqueue()];
      await begun.promise;
      const db = new DatabaseSync(path, { timeout: 5_000 });
      db.exec(`UPDATE ${table} SET ${column} = ${value}`);
      db.close();

      gate.resolve("over");
      // Its attempt had already begun; new ones must be able to begin.
      await wait.wait(running);
      expect(await echo.wait(await echo.enqueue("after"))).toMatchObject({ result: "after" });
      await refuse.wait(await refuse.enqueue());
      for (const status of [undefined, "pending", "running", "completed", "failed", "cancelled"] as const)
        await queue.listJobs({ status });
      const { echo: counts, wait: waited } = (await queue.counts()).byTask;
      expect(waited).toMatchObject({ completed: 1, running: 0 });
      // The delayed one may be due by now.
      expect((counts?.completed ?? 0) + (counts?.pending ?? 0)).toBe(3);
      for (const id of [failed, delayed, running]) expect(await queue.explain(id)).toMatchObject({ jobId: id });
      await queue.retry(failed);
      await queue.cancel(delayed);
      await queue.prune({ age: 0 });
      expect(await queue.health()).toMatchObject({ isHealthy: true });
      await queue.close();

      const again = open(path);
      const anew = background({ queue: again, name: "echo" }, (text: string) => text);
      expect(await anew.wait(await anew.enqueue("again"))).toMatchObject({ result: "again" });
      await again.close();
    }
  });

  test("hides no job that a worker lost", async () => {
    const path = join(newFolder(), "jobs.db");
    const producer = open(path);
    const lost = await producer.enqueue("echo", "lost");
    await producer.close();
    const db = new DatabaseSync(path);
    db.exec(`
      DELETE FROM rapidai_due; UPDATE rapidai_counts SET status = 1;
      INSERT INTO rapidai_running (key, token, lease_ends_at, worker, attempted_at)
      SELECT key, 'token', created_at, 'gone', created_at FROM rapidai_jobs;
      UPDATE rapidai_leases SET none_ends_before = 9223372036854775807`);
    db.close();
    const queue = open(path);
    const echo = background({ queue, name: "echo" }, (text: string) => text);
    expect(await echo.wait(lost, { timeout: "10s" })).toMatchObject({ status: "completed", attempts: 2 });
  });

  test("never becomes the queue's time, not even clamped", async () => {
    const path = join(newFolder(), "jobs.db");
    const producer = open(path);
    const delayed = await producer.enqueue("echo", "later", { delay: "1h" });
    await producer.close();
    const db = new DatabaseSync(path);
    db.exec(
      "UPDATE rapidai_clock SET latest = 9223372036854775807; UPDATE rapidai_due SET run_at = 9223372036854775807",
    );
    db.close();
    for (const text of ["clamps", "opens what was clamped"]) {
      const queue = open(path);
      const echo = background({ queue, name: "echo" }, (given: string) => given);
      const { createdAt } = await echo.wait(await echo.enqueue(text));
      expect(createdAt.getTime()).toBeLessThan(Date.now() + 60_000);
      expect(await echo.getResult(delayed)).toMatchObject({ status: "pending" });
      await queue.close();
    }
    const clamped = new DatabaseSync(path);
    expect(clamped.prepare("SELECT latest FROM rapidai_clock").get()).toEqual({ latest: 1e15 });
    clamped.close();
  });

  test("does not hide later signals of other processes", async () => {
    const path = join(newFolder(), "jobs.db");
    const [here, there] = [open(path), open(path)];
    const told: string[] = [];
    const ended = [await there.enqueue("nobody", 1), await there.enqueue("nobody", 2)] as const;
    await here.cancel(ended[0]);
    const stop = await here.watchFinished(({ jobIds }) => told.push(...jobIds));
    const db = new DatabaseSync(path, { timeout: 5_000 });
    for (const at of ["9223372036854775807", "8000000000000000"])
      db.exec(`UPDATE rapidai_jobs SET completed_at = ${at} WHERE status = 4`);
    db.close();
    await there.cancel(ended[1]);
    await expect.poll(() => told, { timeout: 10_000 }).toContain(ended[1]);
    stop();
  });
});
