import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { background, SqliteQueue } from "rapidai/background";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/background/engine/system-clock.ts";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { newFolder } from "../peers.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/without-rights.ts", import.meta.url));

/** The files at a path and beside it, with their contents. */
function lookAt(path: string): unknown {
  const folder = dirname(path);
  return readdirSync(folder)
    .sort()
    .map((name) => {
      try {
        return [name, readFileSync(join(folder, name)).toString("base64")];
      } catch {
        return [name];
      }
    });
}

function database(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe("a path that cannot be a queue's is refused in one sentence, and left unchanged", () => {
  test.each<[string, (path: string) => void, RegExp]>([
    [
      "a text file",
      (path) => writeFileSync(path, "Dear diary,\n".repeat(1_000)),
      /is not an SQLite database, and was left unchanged: /,
    ],
    ["a short text file", (path) => writeFileSync(path, "Hello"), /is not an SQLite database/],
    ["noise", (path) => writeFileSync(path, Buffer.alloc(70_000, 0xa7)), /is not an SQLite database/],
    ["a folder", (path) => mkdirSync(path), /is a folder: use the path of a file/],
    [
      "a queue of a newer release",
      (path) =>
        database(
          path,
          "CREATE TABLE rapidai_schema (version INTEGER NOT NULL); INSERT INTO rapidai_schema VALUES (99)",
        ),
      /written by a newer release of rapidai \(schema 99; this release knows \d+\): use that release/,
    ],
    [
      "a queue whose tables are gone",
      (path) =>
        database(
          path,
          "PRAGMA journal_mode = WAL; CREATE TABLE rapidai_schema (version INTEGER NOT NULL); INSERT INTO rapidai_schema VALUES (1)",
        ),
      /cannot be used: no such table: rapidai_/,
    ],
    [
      "a truncated database",
      (path) => {
        database(
          path,
          "CREATE TABLE a (b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO a SELECT i FROM n",
        );
        writeFileSync(path, readFileSync(path).subarray(0, 5_000));
      },
      /is damaged: restore it/,
    ],
  ])("%s", async (_, make, sentence) => {
    const path = join(newFolder(), "jobs.db");
    make(path);
    const before = lookAt(path);
    for (const thread of [true, false]) {
      const queue = new SqliteQueue({ path, thread });
      const errors: unknown[] = [];
      queue.on("error", ({ error }) => errors.push(error));
      const work = background({ name: "work", queue }, () => {});
      const refusal = { name: "JobError", code: "queue_unavailable", message: expect.stringMatching(sentence) };
      await expect(queue.ready({ timeout: "20s" })).rejects.toMatchObject(refusal);
      await expect(work.enqueue()).rejects.toMatchObject(refusal);
      await expect(queue.counts()).rejects.toMatchObject(refusal);
      expect((await queue.health()).isHealthy).toBe(false);
      // The worker keeps trying, and reports why it cannot start.
      await expect.poll(() => errors[0]).toMatchObject(refusal);
      await queue.close();
    }
    expect(lookAt(path)).toEqual(before);
  });

  test("a missing folder", async () => {
    const path = join(newFolder(), "none", "jobs.db");
    const queue = new SqliteQueue({ path });
    await expect(queue.ready({ timeout: "20s" })).rejects.toMatchObject({
      code: "queue_unavailable",
      message: `The queue's file ${path} cannot be opened: check that its folder exists and is writable.`,
    });
    // The queue works once the folder exists.
    background({ name: "work", queue }, () => "done");
    mkdirSync(dirname(path));
    const work = queue.enqueue("work");
    expect(await queue.wait(await work)).toMatchObject({ result: "done" });
    await queue.close();
  });
});

test("an empty file becomes a queue, and a link to it leads to the same queue", async () => {
  const folder = newFolder();
  writeFileSync(join(folder, "empty.db"), "");
  symlinkSync("empty.db", join(folder, "link.db"));
  const first = new SqliteQueue({ path: join(folder, "empty.db"), worker: false });
  const jobId = await first.enqueue("work");
  const second = new SqliteQueue({ path: join(folder, "link.db"), worker: false });
  expect(await second.getResult(jobId)).toMatchObject({ status: "pending" });
  await first.close();
  await second.close();
});

test("a program's own database keeps its tables and its version beside the queue", async () => {
  const path = join(newFolder(), "app.db");
  database(
    path,
    "CREATE TABLE orders (id TEXT, jobs INTEGER); INSERT INTO orders VALUES ('a', 1); PRAGMA user_version = 7",
  );
  const queue = new SqliteQueue({ path });
  const work = background({ name: "work", queue }, () => "done");
  expect(await work.wait(await work.enqueue())).toMatchObject({ result: "done" });
  await queue.close();
  const db = new DatabaseSync(path);
  expect(db.prepare("SELECT * FROM orders").all()).toEqual([{ id: "a", jobs: 1 }]);
  expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
  const others = db.prepare("SELECT name FROM sqlite_schema WHERE name NOT GLOB '*rapidai_*'").all();
  expect(others).toEqual([{ name: "orders" }]);
  db.close();
});

describe("a file that this user may not use is refused in one sentence, and left unchanged", () => {
  const isRoot = process.getuid?.() === 0;

  /** What `ready` and `enqueue` reject with, for a user without special rights. */
  async function refusalsOf(path: string): Promise<unknown> {
    const program = spawn(process.execPath, [...process.execArgv, PROGRAM, path], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: dirname(PROGRAM),
    });
    const [said] = await Promise.all([text(program.stdout), once(program, "exit")]);
    return JSON.parse(said);
  }

  test.skipIf(process.platform === "win32").each<[string, (path: string) => void, RegExp]>([
    ["a read-only file", (path) => chmodSync(path, 0o444), /cannot be written: check the permissions/],
    ["an unreadable file", (path) => chmodSync(path, 0o000), /cannot be opened: check|cannot be written: check/],
    ["a file in a read-only folder", (path) => chmodSync(dirname(path), 0o555), /cannot be (opened|written): check/],
    [
      "a file in a folder that may not be entered",
      (path) => chmodSync(dirname(path), 0o000),
      /cannot be (opened|written): check/,
    ],
  ])("%s", async (_, forbid, sentence) => {
    const outer = newFolder();
    const folder = join(outer, "data");
    mkdirSync(folder);
    chmodSync(outer, 0o777);
    const path = join(folder, "jobs.db");
    const queue = new SqliteQueue({ path, worker: false });
    await queue.ready({ timeout: "20s" });
    await queue.close();
    if (isRoot) execFileSync("chown", ["-R", "65534:65534", folder]);
    forbid(path);
    const before = isRoot ? readFileSync(path) : undefined;
    const refusal = { code: "queue_unavailable", message: expect.stringMatching(sentence) };
    expect(await refusalsOf(path)).toMatchObject([refusal, refusal]);
    chmodSync(folder, 0o755);
    // Beside a read-only file SQLite leaves an empty log, which is harmless and goes with the next user.
    if (isRoot) expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder).filter((name) => !/-(wal|shm)$/.test(name))).toEqual([basename(path)]);
  });
});

test("a url instead of a path is refused, and no file of that name is left", () => {
  for (const path of ["sqlite:jobs.db", "file:jobs.db"]) {
    expect(() => new SqliteQueue({ path })).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(existsSync(path)).toBe(false);
  }
});

test("the path :memory: is refused, by the store too, and no file of that name is left", () => {
  const refused = { code: "invalid_option", message: expect.stringContaining("InMemoryQueue") };
  expect(() => new SqliteQueue({ path: ":memory:" })).toThrow(expect.objectContaining(refused));
  const options = { path: ":memory:", durability: "full", clock: systemClock, isThreaded: false } as const;
  expect(() => new SqliteStore(options)).toThrow(expect.objectContaining(refused));
  expect(existsSync(":memory:")).toBe(false);
});
