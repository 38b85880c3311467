import { join } from "node:path";
import { type OpenStore, storeCases } from "rapidai/testing";
import { describe, it } from "vitest";
import { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { ownFolder } from "./folder.ts";
import { checkStore } from "./model.ts";
import { reopenedCases } from "./reopened.ts";
import { sharedCases } from "./shared.ts";

const folder = ownFolder();

let files = 0;
const openAt =
  (file: number): OpenStore =>
  ({ clock }) =>
    new SqliteStore({ path: join(folder, `${file}.db`), durability: "normal", clock, isThreaded: false });
const openStore: OpenStore = (options) => openAt(files++)(options);

describe("SqliteStore", () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));
  for (const { name, run } of [...reopenedCases, ...sharedCases]) it(name, () => run(openAt(files++)));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 10_000 }));
});
