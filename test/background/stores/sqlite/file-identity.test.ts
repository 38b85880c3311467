import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { FileIdentity } from "../../../../src/background/stores/sqlite/file-identity.ts";
import { newFolder } from "../peers.ts";

vi.mock("node:fs", { spy: true });

let now = 0;
let log = "";
let file: FileIdentity;

beforeEach(() => {
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const path = join(newFolder(), "jobs.db");
  log = `${path}-wal`;
  for (const file of [path, log]) writeFileSync(file, "");
  file = new FileIdentity(path);
});

const GONE = /The log .*-wal .* was deleted or replaced/;

test("a deleted log is noticed at once, until it is back", () => {
  file.check();
  renameSync(log, `${log}.away`);
  expect(() => file.check()).toThrow(GONE);
  renameSync(`${log}.away`, log);
  file.check();
});

test("a replaced log is noticed after a tenth of a second, and from then on", () => {
  file.check();
  renameSync(log, `${log}.away`);
  writeFileSync(log, "");
  now += 100;
  for (let call = 0; call < 3; call++) expect(() => file.check()).toThrow(GONE);
  rmSync(log);
  renameSync(`${log}.away`, log);
  file.check();
});

test("the log's status is read only now and then, since each read delays the next commit", () => {
  const looks = () => vi.mocked(statSync).mock.calls.filter(([path]) => path === log).length;
  const before = looks();
  for (let call = 0; call < 100; call++) file.check();
  expect(looks() - before).toBe(0);
  now += 100;
  for (let call = 0; call < 100; call++) file.check();
  expect(looks() - before).toBe(1);
});
