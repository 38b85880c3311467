import { describe, it } from "vitest";
import { MemoryStore } from "../../src/background/stores/memory/store.ts";
import { type OpenStore, storeCases } from "../../src/testing/store-conformance.ts";
import { checkStore } from "./model.ts";

const openStore: OpenStore = ({ clock }) => new MemoryStore({ clock });

describe("MemoryStore", () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 20_000 }));
  it("does what the naive store does, with many jobs", { timeout: 60_000 }, () =>
    checkStore(openStore, { commands: 400, jobs: 500 }),
  );
});
