import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OpenStore, storeCases } from "rapidai/testing";
import { afterAll, describe, it } from "vitest";
import { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { checkStore } from "./model.ts";

const folder = mkdtempSync(join(tmpdir(), "rapidai-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const storeWith = (isThreaded: boolean): OpenStore => {
  return ({ clock }) =>
    new SqliteStore({ path: join(folder, `${files++}.db`), durability: "normal", clock, isThreaded });
};

describe("SqliteStore", () => {
  for (const { name, run } of storeCases) it(name, () => run(storeWith(false)));
  for (const { name, run } of storeCases) it(`on its thread: ${name}`, () => run(storeWith(true)));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(storeWith(false), { commands: 10_000 }));
  it("does what the naive store does, with many jobs", { timeout: 60_000 }, () =>
    checkStore(storeWith(true), { commands: 400, jobs: 500 }),
  );
});
