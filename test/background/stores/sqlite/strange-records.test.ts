import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, newJobId, SqliteQueue } from "rapidai/background";
import { expect, test } from "vitest";
import { newFolder } from "../peers.ts";

test("what cannot be read of one job, or of a worker, is in the way of no other", async () => {
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

test("a job whose status is none is shown as failed, and can be retried", async () => {
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
