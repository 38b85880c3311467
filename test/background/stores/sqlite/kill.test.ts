import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, SqliteQueue } from "rapidai/background";
import { expect, test } from "vitest";
import { rounds } from "../../../rounds.ts";
import { surviveKills } from "../kills.ts";
import { newFolder, type Peer, startPeers } from "../peers.ts";

const LEASE_MS = 800;
const ROUNDS: number = rounds(4);

test(`no job is lost, doubled or overwritten when processes are killed at any moment, ${ROUNDS} times`, {
  timeout: 30_000 + ROUNDS * 3_000,
}, async () => {
  const path = join(newFolder(), "jobs.db");
  await surviveKills({ options: { path }, leaseMs: LEASE_MS, rounds: ROUNDS });
  const db = new DatabaseSync(path);
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  expect(db.prepare("SELECT task, status, jobs FROM rapidai_counts ORDER BY 1, 2").all()).toEqual(
    db.prepare("SELECT task, status, count(*) AS jobs FROM rapidai_records GROUP BY 1, 2 ORDER BY 1, 2").all(),
  );
  db.close();
});

test("jobs that a killed process left behind are found and run by a new queue with the same tasks", async () => {
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
  // The waiting one at once, the running one when its lease has expired.
  expect(done).toEqual([waiting, running]);
  expect(afterMs[1]).toBeLessThan(LEASE_MS + 3_000);
  expect(await queue.getResult(running)).toMatchObject({ status: "completed", attempts: 2 });
  await queue.close();
});
