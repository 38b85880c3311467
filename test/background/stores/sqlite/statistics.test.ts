// Programs that share the file run ANALYZE, or PRAGMA optimize as SQLite recommends, whenever they like.

import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { connect, inTransaction } from "../../../../src/background/stores/sqlite/connection.ts";
import { Dispatcher } from "../../../../src/background/stores/sqlite/dispatcher.ts";
import { toJson } from "../../../../src/background/stores/sqlite/json-text.ts";
import { SignalBuffer } from "../../../../src/background/stores/sqlite/signal-buffer.ts";
import { enqueueOn } from "../../../../src/background/stores/sqlite/transaction.ts";
import { idOf, newJob } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

const ALL = { ageMs: null, count: null };

/** A file with one job, and a program's own connection to it. */
async function sharedFile(): Promise<{ path: string; open: () => Promise<Opened>; other: DatabaseSync }> {
  const path = join(newFolder(), "jobs.db");
  const open = async () => {
    const db = await connect(path, "normal");
    onTestFinished(() => db.close());
    return new Opened(db);
  };
  (await open()).call((dispatcher) => dispatcher.call("enqueue", toJson([newJob(1)]), 1, new SignalBuffer()));
  const other = new DatabaseSync(path);
  onTestFinished(() => other.close());
  return { path, open, other };
}

class Opened {
  readonly #db: DatabaseSync;
  readonly #dispatcher: Dispatcher;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#dispatcher = new Dispatcher(db);
  }

  call(run: (dispatcher: Dispatcher) => unknown): void {
    inTransaction(this.#db, () => run(this.#dispatcher));
  }

  /** How a job is looked up: by an index, or by a scan. */
  lookUp(): string {
    const sql = "SELECT status FROM rapidai_records WHERE id = ?";
    this.#db.prepare(sql).get(idOf(1));
    return String(this.#db.prepare(`EXPLAIN QUERY PLAN ${sql}`).get()?.detail);
  }
}

test("a file that was analyzed while it had one job uses its indexes when it is opened again", async () => {
  const { open, other } = await sharedFile();
  other.exec("ANALYZE");
  expect((await open()).lookUp()).toMatch(/^SEARCH/);
});

test.each<[string, (dispatcher: Dispatcher) => unknown]>([
  [
    "a sweep",
    (dispatcher) => dispatcher.call("prune", { completed: ALL, failed: ALL, limit: 1 }, 1, new SignalBuffer()),
  ],
  ["an enqueue", (dispatcher) => dispatcher.call("enqueue", toJson([]), 1, new SignalBuffer())],
])("a file that is analyzed while it is open uses its indexes again from the next call on: %s", async (_, call) => {
  const { open, other } = await sharedFile();
  const both = [await open(), await open()];
  for (const opened of both) opened.call(call);
  other.exec("ANALYZE");
  for (const opened of both) {
    // Makes the connection read the statistics.
    opened.lookUp();
    opened.call(call);
    expect(opened.lookUp()).toMatch(/^SEARCH/);
  }
});

test("enqueueing on a caller's connection uses keys, whatever statistics that connection has read", async () => {
  const { path, other } = await sharedFile();
  other.exec("ANALYZE");
  const run = vi.spyOn(StatementSync.prototype, "run");
  onTestFinished(() => run.mockRestore());
  enqueueOn(other, path, newJob(2), 1);
  const ran = run.mock.contexts.flatMap((it) => (it instanceof StatementSync ? it.sourceSQL : []));
  const plans = ran.flatMap((sql) => other.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
  const scans = plans.map(({ detail }) => String(detail)).filter((step) => step.startsWith("SCAN"));
  // Which has a single row.
  expect(scans.filter((step) => step !== "SCAN rapidai_clock")).toEqual([]);
  expect(ran.length).toBeGreaterThan(1);
});

test("statistics of the program's own tables are kept", async () => {
  const { open, other } = await sharedFile();
  other.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, sum INTEGER); INSERT INTO orders VALUES (1, 2); ANALYZE");
  await open();
  expect(other.prepare("SELECT tbl FROM sqlite_stat1").all()).toEqual([{ tbl: "orders" }]);
});
