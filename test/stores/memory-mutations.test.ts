import { describe, expect, it } from "vitest";
import type { MemoryStore } from "../../src/background/stores/memory/store.ts";
import { ownFolder } from "./folder.ts";
import { MEMORY_MUTATIONS } from "./memory-mutations.ts";
import { findFailure, type Subject } from "./mutant.ts";

const folder = ownFolder();
const subject: Subject<{ readonly MemoryStore: typeof MemoryStore }> = {
  program: "stores/memory/store.ts",
  open: (copy) => (options) => new copy.MemoryStore(options),
};

describe.concurrent("a guard of the memory store that is broken fails a test", { timeout: 10_000 }, () => {
  it("and unbroken, a copy fails none", async () => expect(await findFailure(subject, null, folder)).toBeNull());

  for (const mutation of MEMORY_MUTATIONS) {
    it(mutation.guard, async () => expect(await findFailure(subject, mutation, folder)).not.toBeNull());
  }
});
