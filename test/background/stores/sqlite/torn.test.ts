import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, newJobId, SqliteQueue } from "rapidai/background";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/background/engine/system-clock.ts";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { rounds } from "../../../rounds.ts";
import { newFolder } from "../peers.ts";

const ROUNDS: number = rounds(40);
const whole = (below: number): number => Math.floor(Math.random() * below);

/** Everything that a file says about its jobs, as one text. */
function stateOf(db: DatabaseSync): string {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'rapidai_jobs'").get() !== undefined;
  if (!isThere) return "no queue yet";
  const rowsOf = (table: string, order: string) => db.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all();
  return JSON.stringify([
    rowsOf("rapidai_jobs", "key"),
    rowsOf("rapidai_due", "lane, run_at, id"),
    rowsOf("rapidai_running", "key"),
    rowsOf("rapidai_leases", "1"),
    rowsOf("rapidai_completed", "task, id"),
    rowsOf("rapidai_completions", "completed_at, first"),
    rowsOf("rapidai_texts", "job, kind"),
    rowsOf("rapidai_past", "key"),
    rowsOf("rapidai_logs", "key"),
    rowsOf("rapidai_counts", "task, status"),
  ]);
}

/** Makes a file with a long history, commit by commit; returns the state after each. */
async function live(path: string, checkpointAfter: number): Promise<string[]> {
  const store = new SqliteStore({ path, durability: "full", clock: systemClock, isThreaded: false });
  await store.open();
  const reader = new DatabaseSync(path);
  const states = ["no queue yet", stateOf(reader)];
  let commits = 0;
  const commit = async <T>(call: Promise<T>): Promise<T> => {
    const answer = await call;
    states.push(stateOf(reader));
    if (++commits === checkpointAfter) {
      reader.exec("PRAGMA wal_checkpoint(FULL)");
      // No state before the checkpoint can come back.
      states.splice(0, states.length - 1);
    }
    return answer;
  };
  for (let n = 0; n < 20; n++) {
    const ids = Array.from({ length: 1 + whole(4) }, newJobId);
    const payload = "x".repeat(whole(4) === 0 ? 20_000 : 20);
    const job = { v: 1, task: "work", lane: "work", payload, maxRetries: 3, delayMs: 0, runAt: null, trace: null };
    await commit(store.enqueue(ids.map((id) => ({ ...job, id }))));
    const claim = { worker: "w", lanes: [{ lane: "work", limit: 9 }], limit: 2, lostLimit: 0, leaseMs: 60_000 };
    const token = newJobId();
    const { jobs } = await commit(store.claim({ ...claim, token, maxVersion: 1 }));
    const patch = { progress: null, usage: null, logs: ["a line"] };
    const presence = { id: "w", tasks: ["work"], slots: 2, concurrency: {}, version: "1" };
    const beats = jobs.map(({ id }) => ({ id, token, patch }));
    await commit(store.heartbeat({ worker: presence, presenceMs: 60_000, leaseMs: 60_000, beats }));
    const failure = { name: "Error", message: "no", stack: null };
    const end = { token, delayMs: null, isUncounted: false, isLoss: false, patch: null };
    await commit(
      store.settle(
        jobs.map(({ id }) =>
          whole(3) === 0
            ? { ...end, id, to: "failed", result: null, failure }
            : { ...end, id, to: "completed", result: payload, failure: null },
        ),
      ),
    );
    await commit(store.cancel([{ id: ids[0] as string, task: null, by: "me" }]));
  }
  // Copied while it is open, as a power failure leaves it: closing would move the log into the file.
  copyFileSync(path, `${path}.left`);
  copyFileSync(`${path}-wal`, `${path}.left-wal`);
  reader.close();
  await store.close();
  return states;
}

/** Returns a log as a power failure may leave it: cut off, with a wrong byte, or with a part that was never written. */
function tear(wal: Buffer): Buffer {
  const torn = Buffer.from(whole(4) === 0 ? wal : wal.subarray(0, whole(wal.length)));
  const at = whole(torn.length);
  const way = torn.length === 0 ? 0 : whole(3);
  if (way === 1) torn.writeUInt8(torn.readUInt8(at) ^ (1 + whole(255)), at);
  if (way === 2) torn.fill(0, at, Math.min(torn.length, at + 1 + whole(4_096)));
  return torn;
}

describe("a file whose log was cut off or damaged when its machine failed", () => {
  test.each([
    ["with its whole history in the log", Number.POSITIVE_INFINITY],
    ["with a part of its history moved out of the log", 50],
  ])(
    "%s, opens in the state after one of its commits",
    { timeout: 30_000 + 500 * ROUNDS },
    async (_, checkpointAfter) => {
      const folder = newFolder();
      const path = join(folder, "jobs.db");
      const states = await live(path, checkpointAfter);
      const wal = readFileSync(`${path}.left-wal`);
      const found = new Set<number>();
      for (let round = 0; round < ROUNDS; round++) {
        const copy = join(folder, `copy-${round}.db`);
        copyFileSync(`${path}.left`, copy);
        writeFileSync(`${copy}-wal`, round === 0 ? wal : tear(wal));
        const before = new DatabaseSync(copy);
        const state = states.lastIndexOf(stateOf(before));
        expect(before.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
        before.close();
        if (round === 0) expect(state).toBe(states.length - 1);
        expect(state).not.toBe(-1);
        found.add(state);

        // The queue goes on from there.
        const queue = new SqliteQueue({ path: copy, thread: false, lease: "1h" });
        const work = background({ name: "work", queue }, () => "done");
        expect(await work.wait(await work.enqueue())).toMatchObject({ result: "done" });
        await queue.close();
      }
      expect(found.size).toBeGreaterThan(Math.min(10, ROUNDS / 4));
    },
  );
});
