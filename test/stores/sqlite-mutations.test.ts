import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SqliteStore } from "../../src/background/stores/sqlite/store.ts";
import { ownFolder } from "./folder.ts";
import { findFailure, type Subject, tried } from "./mutant.ts";
import { SQLITE_MUTATIONS } from "./sqlite-mutations.ts";
import { neverBack, takingTurns } from "./taking-turns.ts";

const folder = ownFolder();

let files = 0;
const subject: Subject<{ readonly SqliteStore: typeof SqliteStore }> = {
  program: "stores/sqlite/store.ts",
  open: (copy, within) => {
    return ({ clock }) =>
      new copy.SqliteStore({ path: join(within, `${files++}.db`), durability: "normal", clock, isThreaded: false });
  },
  openTwo: (copy, within) => {
    let pairs = 0;
    return ({ clock }) => {
      const options = { path: join(within, `${files++}.db`), durability: "normal", clock: neverBack(clock) } as const;
      const newStore = () => new copy.SqliteStore({ ...options, isThreaded: false });
      return takingTurns(newStore(), newStore(), pairs++);
    };
  },
};

describe.concurrent("a guard of the SQLite store that is broken fails a test", { timeout: 120_000 }, () => {
  it("and unbroken, a copy fails none", async () => expect(await findFailure(subject, null, folder)).toBeNull());

  for (const mutation of tried(SQLITE_MUTATIONS)) {
    it(mutation.guard, async () => expect(await findFailure(subject, mutation, folder)).not.toBeNull());
  }
});
