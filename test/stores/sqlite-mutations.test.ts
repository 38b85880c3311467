import { join } from "node:path";
import { SteadyTime } from "../../src/background/core/steady-time.ts";
import type { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { ownFolder } from "./folder.ts";
import { type Subject, testMutations, tried } from "./mutant.ts";
import { SQLITE_MUTATIONS } from "./sqlite-mutations.ts";
import { takingTurns } from "./taking-turns.ts";

const folder = ownFolder();

let files = 0;
const subject: Subject<{ readonly SqliteStore: typeof SqliteStore }> = {
  program: "stores/sqlite/store.ts",
  open: (copy, within) => {
    return ({ clock }) =>
      new copy.SqliteStore({ path: join(within, `${files++}.db`), durability: "normal", clock, isThreaded: false });
  },
  openSame: (copy, within) => {
    const path = join(within, `${files++}.db`);
    return ({ clock }) => new copy.SqliteStore({ path, durability: "normal", clock, isThreaded: false });
  },
  openTwo: (copy, within) => {
    let pairs = 0;
    return ({ clock }) => {
      const options = {
        path: join(within, `${files++}.db`),
        durability: "normal",
        clock: new SteadyTime(clock),
      } as const;
      const newStore = () => new copy.SqliteStore({ ...options, isThreaded: false });
      return takingTurns(newStore(), newStore(), pairs++);
    };
  },
};

testMutations("a broken guard of the SQLite store fails a test", subject, tried(SQLITE_MUTATIONS), {
  folder,
  timeout: 120_000,
});
