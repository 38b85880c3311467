import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, newJobId, SqliteQueue, type Task } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { newFolder } from "../peers.ts";

let path: string;
let db: DatabaseSync;
let queue: SqliteQueue;
let receipts: Task<{ order: number }, string>;

beforeEach(async () => {
  path = join(newFolder(), "app.db");
  // The queue writes too, so the test's own transactions have to wait for it.
  db = new DatabaseSync(path, { timeout: 5_000 });
  db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
  queue = new SqliteQueue({ path });
  receipts = background({ name: "receipts", queue }, ({ order }: { order: number }) => {
    const row = db.prepare("SELECT id FROM orders WHERE id = ?").get(order);
    return row === undefined ? "no order" : `receipt ${order}`;
  });
  await queue.ready({ timeout: "20s" });
});

afterEach(async () => {
  await queue.close();
  if (db.isOpen) db.close();
});

const placeOrder = (order: number) => db.prepare("INSERT INTO orders (id) VALUES (?)").run(order);
const pendingOf = async () => (await queue.counts()).byStatus.pending;
const total = async () => Object.values((await queue.counts()).byStatus).reduce((sum, jobs) => sum + jobs, 0);

test("a job that was enqueued within a transaction runs once it commits, and not before", async () => {
  db.exec("BEGIN IMMEDIATE");
  placeOrder(1);
  const jobId = queue.enqueueWithin(db, receipts, { order: 1 });
  expect(await queue.getResult(jobId)).toBe(null);
  db.exec("COMMIT");
  expect(await receipts.wait(jobId)).toMatchObject({ result: "receipt 1", attempts: 1 });
});

test("a job enqueued on a caller's connection gets the queue's time, even if the clock was set back", async () => {
  const clock = new ManualClock();
  // Ahead of what the other queue has written.
  clock.set(Date.now() + 86_400_000);
  const steady = new SqliteQueue({ path, worker: false, clock });
  await steady.ready({ timeout: "20s" });
  const before = clock.now();
  clock.set(before - 3_600_000);
  const jobId = steady.enqueueWithin(db, "elsewhere", { order: 1 }, { delay: "1m" });
  expect((await steady.getResult(jobId))?.runAt).toEqual(new Date(before + 60_000));
  await steady.close();
});

test.each(["wrote since", "is writing"])(
  "a transaction that has read is refused with advice on how to begin it if another program %s",
  async (what) => {
    const other = new DatabaseSync(path, { timeout: 5_000 });
    db.exec("BEGIN");
    db.prepare("SELECT count(*) FROM orders").get();
    other.exec("BEGIN IMMEDIATE; INSERT INTO orders (id) VALUES (7)");
    if (what === "wrote since") other.exec("COMMIT");
    expect(() => queue.enqueueWithin(db, "elsewhere", { order: 2 })).toThrow(
      expect.objectContaining({
        code: "queue_unavailable",
        message: expect.stringContaining("begin it with BEGIN IMMEDIATE"),
      }),
    );
    db.exec("ROLLBACK");
    other.close();
  },
);

test("a job whose transaction is rolled back does not exist", async () => {
  db.exec("BEGIN IMMEDIATE");
  placeOrder(1);
  const jobId = queue.enqueueWithin(db, receipts, { order: 1 });
  const other = queue.enqueueWithin(db, "elsewhere", { order: 1 });
  db.exec("ROLLBACK");
  expect([await queue.getResult(jobId), await queue.getResult(other)]).toEqual([null, null]);
  expect(await queue.counts()).toMatchObject({ byStatus: { pending: 0, running: 0, completed: 0 } });
  expect(await total()).toBe(0);
  // Its id is free.
  await queue.enqueue(receipts, { order: 2 }, { id: jobId });
  expect(await receipts.wait(jobId)).toMatchObject({ result: "no order" });
  expect(await total()).toBe(1);
});

test.each([{ readBigInts: true }, { returnArrays: true }])(
  "a connection with the options %j works like any other: a known id is recognized, and no job runs twice",
  async (options) => {
    const own = new DatabaseSync(path, { timeout: 5_000, ...options });
    const ran: number[] = [];
    const counts = background({ queue }, async function counts({ n }: { n: number }) {
      ran.push(n);
    });
    for (const id of await counts.enqueueMany([{ n: 1 }, { n: 2 }])) await counts.wait(id);
    const id = newJobId();
    for (let time = 1; time <= 2; time++) {
      own.exec("BEGIN IMMEDIATE");
      // What was last inserted on this connection must not matter to the queue.
      own.prepare("INSERT OR REPLACE INTO orders (id) VALUES (1)").run();
      expect(queue.enqueueWithin(own, counts, { n: 3 }, { id })).toBe(id);
      own.exec("COMMIT");
      expect(await counts.wait(id)).toMatchObject({ status: "completed", attempts: 1 });
    }
    expect(() => queue.enqueueWithin(own, receipts, { order: 1 }, { id })).toThrow(/belongs to a task other than/);
    expect((await queue.counts()).byStatus).toMatchObject({ pending: 0, running: 0, completed: 3 });
    const after = await counts.enqueue({ n: 4 });
    expect(await counts.wait(after)).toMatchObject({ status: "completed" });
    expect(ran).toEqual([1, 2, 3, 4]);
    own.close();
  },
);

test("the queue's file is the one that its path named at first, even if the working directory changes", async () => {
  const before = process.cwd();
  const folder = newFolder();
  const sub = join(folder, "sub");
  mkdirSync(sub);
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  const here = new SqliteQueue({ path: "jobs.db", worker: false });
  await here.ready({ timeout: "20s" });
  const own = new DatabaseSync("jobs.db");
  process.chdir(sub);
  const jobId = here.enqueueWithin(own, "mail", {});
  expect(await here.getResult(jobId)).toMatchObject({ status: "pending" });
  const there = new SqliteQueue({ path: "jobs.db", worker: false });
  await there.ready({ timeout: "20s" });
  const other = new DatabaseSync("jobs.db");
  expect(() => here.enqueueWithin(other, "mail", {})).toThrow(/open the connection to the queue's file/);
  for (const one of [own, other]) one.close();
  for (const one of [here, there]) await one.close();
});

test("a process that dies before the commit leaves neither the row nor the job", async () => {
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE; INSERT INTO orders (id) VALUES (1)");
  const jobId = queue.enqueueWithin(other, receipts, { order: 1 });
  other.close();
  expect(db.prepare("SELECT count(*) AS orders FROM orders").get()).toEqual({ orders: 0 });
  expect(await queue.getResult(jobId)).toBe(null);
  expect(await total()).toBe(0);
});

test("without a transaction a job is stored at once, and counted", async () => {
  const jobId = queue.enqueueWithin(db, "elsewhere", { order: 1 }, { delay: "1h" });
  expect(await queue.getResult(jobId)).toMatchObject({ status: "pending" });
  expect(await pendingOf()).toBe(1);
});

test("many jobs in one transaction are stored all or none", async () => {
  for (const end of ["ROLLBACK", "COMMIT"]) {
    db.exec("BEGIN");
    for (let n = 0; n < 500; n++)
      queue.enqueueWithin(db, "elsewhere", { n, text: "x".repeat(n % 7 === 0 ? 5_000 : 5) });
    db.exec(end);
    expect(await pendingOf()).toBe(end === "COMMIT" ? 500 : 0);
  }
});

test("a job that is refused leaves the transaction open and unchanged", async () => {
  const taken = queue.enqueueWithin(db, "elsewhere");
  db.exec("BEGIN IMMEDIATE");
  placeOrder(1);
  expect(() => queue.enqueueWithin(db, receipts, { order: 1 }, { id: taken })).toThrow(
    expect.objectContaining({ code: "id_conflict", jobId: taken }),
  );
  expect(() => queue.enqueueWithin(db, "receipts", { order: () => 1 })).toThrow(
    expect.objectContaining({ code: "not_serializable" }),
  );
  expect(() => queue.enqueueWithin(db, receipts, { order: 1 }, { id: "no id" })).toThrow(
    expect.objectContaining({ code: "invalid_id" }),
  );
  expect(db.isTransaction).toBe(true);
  const jobId = queue.enqueueWithin(db, receipts, { order: 1 });
  db.exec("COMMIT");
  expect(await receipts.wait(jobId)).toMatchObject({ result: "receipt 1" });
  expect(await total()).toBe(2);
});

test("jobs that were undone are never counted, neither at once nor with the connection's next jobs", async () => {
  db.exec(`CREATE TRIGGER refusing BEFORE INSERT ON rapidai_due WHEN NEW.task = 'refused'
    BEGIN SELECT RAISE(ABORT, 'not this one'); END`);
  const ids: string[] = [];
  for (const end of ["ROLLBACK", "COMMIT"]) {
    db.exec("BEGIN IMMEDIATE");
    ids.push(queue.enqueueWithin(db, "elsewhere"));
    const id = newJobId();
    expect(() => queue.enqueueWithin(db, "refused", null, { id })).toThrow(/not this one/);
    ids.push(id, queue.enqueueWithin(db, "elsewhere"));
    db.exec(end);
    const pending = end === "COMMIT" ? { elsewhere: expect.objectContaining({ pending: 2 }) } : {};
    expect((await queue.counts()).byTask).toEqual(pending);
  }
  const stored = await Promise.all(ids.map(async (id) => (await queue.getResult(id)) !== null));
  expect(stored).toEqual([false, false, false, true, false, true]);
});

test("the same id and task again stores nothing", async () => {
  const id = newJobId();
  db.exec("BEGIN");
  for (let n = 0; n < 3; n++) expect(queue.enqueueWithin(db, "elsewhere", n, { id })).toBe(id);
  db.exec("COMMIT");
  expect(queue.enqueueWithin(db, "elsewhere", 4, { id })).toBe(id);
  expect(await pendingOf()).toBe(1);
  expect(await queue.getDetails(id)).toMatchObject({ payload: 0 });
});

test("a connection to another file is refused, even one that another queue has used", async () => {
  const elsewhere = join(newFolder(), "other.db");
  const other = new SqliteQueue({ path: elsewhere, worker: false });
  await other.ready({ timeout: "20s" });
  const refusal = { code: "invalid_option", message: expect.stringContaining(`the queue's file is ${path}`) };
  const foreign = new DatabaseSync(elsewhere);
  expect(() => queue.enqueueWithin(foreign, receipts, { order: 1 })).toThrow(expect.objectContaining(refusal));
  other.enqueueWithin(foreign, "elsewhere");
  expect(() => queue.enqueueWithin(foreign, receipts, { order: 1 })).toThrow(expect.objectContaining(refusal));
  const inMemory = new DatabaseSync(":memory:");
  expect(() => queue.enqueueWithin(inMemory, receipts, { order: 1 })).toThrow(expect.objectContaining(refusal));
  expect((await other.counts()).byStatus.pending).toBe(1);
  await other.close();
  foreign.close();
});

test("a connection may name the queue's file by another path", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "data"));
  symlinkSync("data", join(folder, "link"));
  const there = new SqliteQueue({ path: join(folder, "link", "jobs.db"), worker: false });
  await there.ready({ timeout: "20s" });
  for (const name of [join(folder, "data", "jobs.db"), join(folder, "link", "..", "link", "jobs.db")]) {
    const connection = new DatabaseSync(name);
    there.enqueueWithin(connection, "elsewhere");
    connection.close();
  }
  expect((await there.counts()).byStatus.pending).toBe(2);
  await there.close();
});

test("a file that has no queue yet is refused with advice, and the transaction goes on", async () => {
  const fresh = join(newFolder(), "fresh.db");
  const early = new SqliteQueue({ path: fresh, worker: false });
  const connection = new DatabaseSync(fresh);
  connection.exec("BEGIN; CREATE TABLE own (id INTEGER)");
  expect(() => early.enqueueWithin(connection, "elsewhere")).toThrow(
    expect.objectContaining({
      code: "queue_unavailable",
      message: `The file ${fresh} does not contain a queue yet: await queue.ready() before the first transaction.`,
    }),
  );
  connection.exec("INSERT INTO own VALUES (1); COMMIT");
  await early.ready({ timeout: "20s" });
  early.enqueueWithin(connection, "elsewhere");
  expect((await early.counts()).byStatus.pending).toBe(1);
  await early.close();
  connection.close();
});

test("a closed connection, and anything that is not a connection, is refused", () => {
  const refusal = {
    name: "JobError",
    code: "invalid_option",
    message: expect.stringContaining("an open DatabaseSync"),
  };
  queue.enqueueWithin(db, "elsewhere");
  db.close();
  const unused = new DatabaseSync(path);
  unused.close();
  for (const none of [db, unused, undefined, { prepare: () => undefined }]) {
    expect(() => queue.enqueueWithin(none as DatabaseSync, "elsewhere")).toThrow(expect.objectContaining(refusal));
  }
});

test("a connection that was closed and opened again works like a new one", async () => {
  queue.enqueueWithin(db, "elsewhere");
  db.close();
  db.open();
  db.exec("BEGIN IMMEDIATE");
  queue.enqueueWithin(db, "elsewhere");
  db.exec("COMMIT");
  expect(await pendingOf()).toBe(2);
});

test("a file of a newer release is refused, and left unchanged", async () => {
  await queue.close();
  db.exec("UPDATE rapidai_schema SET version = 99");
  const older = new SqliteQueue({ path, worker: false });
  expect(() => older.enqueueWithin(db, "elsewhere")).toThrow(
    expect.objectContaining({ code: "queue_unavailable", message: expect.stringContaining("a newer release") }),
  );
  expect(db.prepare("SELECT count(*) AS jobs FROM rapidai_jobs").get()).toEqual({ jobs: 0 });
  await older.close();
});

test("a file that another program has locked exclusively is reported as locked", async () => {
  await queue.close();
  const keeper = new DatabaseSync(path);
  // From its first write on, such a connection locks out all others.
  keeper.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT");
  const next = new SqliteQueue({ path, worker: false });
  const late = new DatabaseSync(path);
  expect(() => next.enqueueWithin(late, "elsewhere")).toThrow(
    expect.objectContaining({ code: "queue_unavailable", message: expect.stringContaining("was locked by another") }),
  );
  keeper.close();
  next.enqueueWithin(late, "elsewhere");
  late.close();
  await next.close();
});

test("a payload is checked by its schema at once, and an asynchronous schema is refused", () => {
  const strict = background({ name: "strict", queue, schema: z.object({ n: z.number() }) }, () => {});
  expect(() => queue.enqueueWithin(db, strict, { n: "1" } as never)).toThrow(
    expect.objectContaining({ code: "invalid_payload" }),
  );
  expect(() => queue.enqueueWithin(db, strict, { n: 1 })).not.toThrow();
  const slow = background({ name: "slow", queue, schema: z.object({}).refine(async () => true) }, () => {});
  expect(() => queue.enqueueWithin(db, slow, {})).toThrow(expect.objectContaining({ name: "JobError" }));
});

test("a call while another transaction is open is refused as locked, and can be repeated", async () => {
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const id = newJobId();
  expect(() => queue.enqueueWithin(db, "elsewhere", 1, { id })).toThrow(
    expect.objectContaining({ code: "queue_unavailable", message: expect.stringContaining("locked") }),
  );
  other.exec("COMMIT");
  other.close();
  expect(queue.enqueueWithin(db, "elsewhere", 1, { id })).toBe(id);
  expect(await pendingOf()).toBe(1);
});

test("a closed queue refuses, and does not touch the transaction", async () => {
  await queue.close();
  db.exec("BEGIN");
  expect(() => queue.enqueueWithin(db, "elsewhere")).toThrow(expect.objectContaining({ code: "queue_closed" }));
  expect(db.isTransaction).toBe(true);
  db.exec("COMMIT");
});
