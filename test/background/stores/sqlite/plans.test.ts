import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { storeCases } from "rapidai/testing";
import { beforeAll, expect, test, vi } from "vitest";
import { connect } from "../../../../src/background/stores/sqlite/connection.ts";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { ownFolder } from "../../../stores/folder.ts";

const folder = ownFolder();
const statements = new Set<string>();

beforeAll(async () => {
  const prepare = DatabaseSync.prototype.prepare;
  vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (this: DatabaseSync, sql: string) {
    statements.add(sql);
    return prepare.call(this, sql);
  });
  // The conformance suite covers everything that a store can be asked to do.
  for (const [at, { run }] of storeCases.entries()) {
    const path = join(folder, `${at}.db`);
    await run(({ clock }) => new SqliteStore({ path, durability: "normal", clock, isThreaded: false }));
  }
  vi.restoreAllMocks();
}, 60_000);

/**
 * Scanned on purpose: running jobs are few, as are tasks and workers; failed jobs are read from the oldest until
 * one is to be kept; and a call's own list, `json_each`, or what it has `taken` is no longer than the call.
 */
const FEW =
  /^SCAN (sqlite_schema|CONSTANT ROW|run|taken|rapidai_(leases|clock|counts|workers)|rapidai_jobs USING INDEX rapidai_failed|.* VIRTUAL TABLE .*)$/;

test("no statement scans or sorts a table of jobs: a million jobs cost no more than ten", async () => {
  const db = await connect(join(folder, "plans.db"), "normal");
  const wide: string[] = [];
  for (const sql of statements) {
    if (!/^\s*(SELECT|UPDATE|DELETE|INSERT|WITH)/i.test(sql)) continue;
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
    const isOfFew = plan.some((step) => FEW.test(step));
    for (const step of plan) {
      const isScan = step.startsWith("SCAN ") && !FEW.test(step);
      if (isScan || (step.includes("TEMP B-TREE") && !isOfFew)) wide.push(`${step}: ${sql}`);
    }
  }
  db.close();
  expect(statements.size).toBeGreaterThan(20);
  expect(wide).toEqual([]);
});

test("no statement numbers its parameters, which Node up to at least 22.19 and 24.4 could not bind", () => {
  expect([...statements].filter((sql) => /\?\d/.test(sql))).toEqual([]);
});

test("a removed job leaves no row behind: no payload, result, failures or log lines", () => {
  const ownerless = {
    // A text belongs to a job only while the job's own row has none.
    texts:
      "NOT EXISTS (SELECT 1 FROM rapidai_records WHERE key = job AND iif(kind = 'payload', payload, result) IS NULL)",
    past: "job NOT IN (SELECT key FROM rapidai_jobs WHERE has_past)",
    logs: "job NOT IN (SELECT key FROM rapidai_jobs WHERE has_logs)",
  };
  for (const at of storeCases.keys()) {
    const db = new DatabaseSync(join(folder, `${at}.db`));
    for (const [table, condition] of Object.entries(ownerless)) {
      const left = db.prepare(`SELECT * FROM rapidai_${table} WHERE ${condition}`).all();
      expect(left, `${table}, after "${storeCases[at]?.name}"`).toEqual([]);
    }
    db.close();
  }
});

test("a job is in the tables that its status calls for, and in no other", () => {
  const standing = {
    pending: "SELECT key FROM rapidai_due",
    running: "SELECT key FROM rapidai_running",
    completed: "SELECT job.key FROM rapidai_completed AS done JOIN rapidai_jobs AS job USING (task, id)",
    "completed, each among those of its time":
      "SELECT value AS key FROM rapidai_completed JOIN rapidai_completions USING (completed_at, first), json_each(jobs) AS done JOIN rapidai_jobs AS job ON job.key = done.value AND job.id = rapidai_completed.id",
    "completed, as pruning finds it": "SELECT value AS key FROM rapidai_completions, json_each(jobs)",
  };
  for (const at of storeCases.keys()) {
    const db = new DatabaseSync(join(folder, `${at}.db`));
    for (const [name, sql] of Object.entries(standing)) {
      const code = { pending: 0, running: 1, completed: 2 }[name.split(",")[0] as "pending"];
      const keys = db.prepare(`${sql} ORDER BY 1`).all();
      const expected = db.prepare("SELECT key FROM rapidai_records WHERE status = ? ORDER BY 1").all(code);
      expect(keys, `${name}, after "${storeCases[at]?.name}"`).toEqual(expected);
    }
    const early = "SELECT 1 FROM rapidai_running, rapidai_leases WHERE lease_ends_at < none_ends_before";
    expect(db.prepare(early).all(), `leases, after "${storeCases[at]?.name}"`).toEqual([]);
    db.close();
  }
});
