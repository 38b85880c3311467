import type { MemoryStore } from "../../src/background/stores/memory/store.ts";
import { ownFolder } from "./folder.ts";
import { MEMORY_MUTATIONS } from "./memory-mutations.ts";
import { type Subject, testMutations } from "./mutant.ts";

const folder = ownFolder();
const subject: Subject<{ readonly MemoryStore: typeof MemoryStore }> = {
  program: "stores/memory/store.ts",
  open: (copy) => (options) => new copy.MemoryStore(options),
};

testMutations("a broken guard of the memory store fails a test", subject, MEMORY_MUTATIONS, {
  folder,
  timeout: 10_000,
});
