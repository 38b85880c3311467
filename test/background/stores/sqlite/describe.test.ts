import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, SqliteQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, onTestFinished, test } from "vitest";
import { type FileFacts, reportOf } from "../../../../src/background/stores/sqlite/describe.ts";
import { ownFolder } from "../../../stores/folder.ts";

const folder = ownFolder();

const MIB = 1_048_576;
const well: FileFacts = {
  path: "/data/jobs.db",
  journalMode: "wal",
  durability: "full",
  fileBytes: 4_096,
  walBytes: 0,
  freeBytes: 10 ** 12,
  fileSystem: 0xef53,
  isMounted: false,
  schemaVersion: 1,
  sqliteVersion: "3.50.0",
  timeAheadMs: 0,
};
const codesOf = (facts: Partial<FileFacts>) => reportOf({ ...well, ...facts }).warnings.map(({ code }) => code);

test.each([true, false])("health() describes the file, thread: %s", async (thread) => {
  const path = join(folder, `health-${thread}.db`);
  const queue = new SqliteQueue({ path, durability: "normal", worker: false, thread });
  await queue.enqueue("noted", "x".repeat(1_000));
  const { isHealthy, details } = await queue.health();
  expect(isHealthy).toBe(true);
  expect(details).toMatchObject({ path, journalMode: "wal", durability: "normal", schemaVersion: expect.any(Number) });
  expect(details.fileBytes).toBeGreaterThan(0);
  expect(details.walBytes).toBeGreaterThan(1_000);
  expect(details.sqliteVersion).toMatch(/^3\./);
  expect(details.timeAheadMs).toBe(0);
  await queue.close();
});

test.each([
  [undefined, "full"],
  ["full", "full"],
  ["normal", "normal"],
] as const)("durability: %s is reported by health() as %s", async (durability, told) => {
  const path = join(folder, `durability-${durability}.db`);
  const queue = new SqliteQueue({ path, durability, worker: false });
  expect((await queue.health()).details.durability).toBe(told);
  await queue.close();
});

test("health() measures the file and the log that a link leads to", async () => {
  const there = join(folder, "there");
  mkdirSync(there);
  const path = join(folder, "link.db");
  symlinkSync(join(there, "jobs.db"), path);
  const queue = new SqliteQueue({ path, durability: "normal", worker: false });
  await queue.enqueue("noted", "x".repeat(1_000));
  const { details } = await queue.health();
  expect(details.path).toBe(path);
  expect(details.walBytes).toBeGreaterThan(1_000);
  await queue.close();
});

test("after a restart with a clock that was set back, earlier jobs still run, and health() warns", async () => {
  const path = join(folder, "set-back.db");
  const clock = new ManualClock();
  const before = new SqliteQueue({ path, durability: "normal", worker: false, clock });
  const jobId = await before.enqueue("echo", "enqueued an hour ahead");
  await before.close();
  clock.set(clock.now() - 3_600_000);
  const queue = new SqliteQueue({ path, durability: "normal", clock });
  const task = background({ name: "echo", queue }, async (text: string) => text);
  expect(await task.wait(jobId)).toMatchObject({ result: "enqueued an hour ahead" });
  const { details, warnings } = await queue.health();
  expect(details.timeAheadMs).toBe(3_600_000);
  const message = expect.stringContaining(" 1 h ahead");
  expect(warnings).toContainEqual(expect.objectContaining({ code: "time_ahead", message }));
  await queue.close();
});

test("health() warns of a log that grows because a reader keeps its transaction open, until that ends", async () => {
  const path = join(folder, "grown.db");
  const queue = new SqliteQueue({ path, durability: "normal", worker: false });
  await queue.enqueue("noted", "first");
  const [reader, writer] = [new DatabaseSync(path), new DatabaseSync(path)];
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM rapidai_schema").get();
  writer.exec("PRAGMA synchronous = OFF; CREATE TABLE own (bytes BLOB)");
  for (let n = 0; n < 7; n++) writer.exec("INSERT INTO own VALUES (zeroblob(10 << 20))");
  const { warnings } = await queue.health();
  const message = expect.stringMatching(/grown to 7\d MiB: a program reads the file/);
  expect(warnings).toContainEqual(expect.objectContaining({ code: "wal_large", message }));
  reader.close();
  writer.close();
  const codes = async () => {
    await queue.enqueue("noted", "later");
    return (await queue.health()).warnings.map(({ code }) => code);
  };
  await expect.poll(codes).not.toContain("wal_large");
  await queue.close();
});

test("health() warns of a file that is mounted without its folder", async ({ skip }) => {
  const [outside, path] = [join(folder, "outside.db"), join(folder, "a mounted.db")];
  for (const file of [outside, path]) writeFileSync(file, "");
  try {
    execFileSync("mount", ["--bind", outside, path], { stdio: "ignore" });
  } catch {
    skip("mounting a file needs the permission to");
  }
  onTestFinished(() => void execFileSync("umount", [path]));
  const codesAt = async (path: string) => {
    const queue = new SqliteQueue({ path, worker: false });
    const { warnings } = await queue.health();
    await queue.close();
    return warnings.map(({ code }) => code);
  };
  expect(await codesAt(path)).toContain("file_mounted");
  expect(await codesAt(outside)).not.toContain("file_mounted");
});

test("a file in good order has no warnings, and each fault has its own", () => {
  expect(codesOf({})).toEqual([]);
  expect(codesOf({ journalMode: "delete" })).toEqual(["not_wal"]);
  const bounds = { walBytes: 64 * MIB, timeAheadMs: 5_000, freeBytes: 256 * MIB };
  expect(codesOf(bounds)).toEqual([]);
  expect(codesOf({ walBytes: bounds.walBytes + 1 })).toEqual(["wal_large"]);
  expect(codesOf({ timeAheadMs: bounds.timeAheadMs + 1 })).toEqual(["time_ahead"]);
  expect(codesOf({ freeBytes: bounds.freeBytes - 1 })).toEqual(["disk_nearly_full"]);
  for (const fileSystem of [0x6969, 0xfe534d42]) expect(codesOf({ fileSystem })).toEqual(["network_file_system"]);
  expect(codesOf({ isMounted: true })).toEqual(["file_mounted"]);
});
