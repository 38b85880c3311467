import { join } from "node:path";
import { type OpenStore, storeCases } from "rapidai/testing";
import { beforeAll, describe, it } from "vitest";
import { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../src/testing/conformance/hand-clock.ts";
import { oneIn } from "../rounds.ts";
import { ownFolder } from "./folder.ts";
import { checkStore } from "./model.ts";

/** In a run of all tests only one case in so many, since each starts a thread; without one, the store goes through all. */
const ONE_IN = 3;

const folder = ownFolder();

let files = 0;
const openStore: OpenStore = ({ clock }) =>
  new SqliteStore({ path: join(folder, `${files++}.db`), durability: "normal", clock, isThreaded: true });

beforeAll(async () => {
  const first = await openStore({ clock: new HandClock() });
  await first.open();
  await first.close();
});

describe.concurrent("SqliteStore on its thread", () => {
  for (const { name, run } of oneIn(ONE_IN, storeCases)) it(name, () => run(openStore));

  it("does what the naive store does, with many jobs", { timeout: 60_000 }, () =>
    checkStore(openStore, { commands: 400, jobs: 500 }),
  );
});
