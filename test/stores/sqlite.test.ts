import { join } from "node:path";
import { type OpenStore, storeCases } from "rapidai/testing";
import { describe, it } from "vitest";
import { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { ownFolder } from "./folder.ts";
import { checkStore } from "./model.ts";

const folder = ownFolder();

let files = 0;
const openStore: OpenStore = ({ clock }) =>
  new SqliteStore({ path: join(folder, `${files++}.db`), durability: "normal", clock, isThreaded: false });

describe("SqliteStore", () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 10_000 }));
});
