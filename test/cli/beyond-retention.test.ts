import { join } from "node:path";
import { SqliteQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { ownFolder } from "../stores/folder.ts";
import { here } from "./command-line.ts";

const folder = ownFolder();

test("whoever is about to cancel more jobs than are kept is told that the others cannot be retried", async () => {
  const path = join(folder, "jobs.db");
  const queue = new SqliteQueue({ path, worker: false, thread: false });
  await queue.enqueue("work", 1);
  await queue.close();
  const many = { pending: 100_001, running: 0, completed: 0, failed: 0, cancelled: 100_001 };
  vi.spyOn(SqliteQueue.prototype, "counts").mockResolvedValue({ byStatus: many, byTask: { work: many } });
  onTestFinished(() => void vi.restoreAllMocks());
  const asked = async (...args: string[]) =>
    (await here([...args, "--task", "work"], { url: `sqlite:${path}` })).stderr;
  expect(await asked("cancel")).toMatch(
    /^rapidai: Cancel 100001 jobs \(.*\)\? .* keeps the newest 100000 .*cannot be retried/,
  );
  expect(await asked("cancel", "--limit", "100000")).not.toContain("retention");
  expect(await asked("retry")).not.toContain("retention");
});
