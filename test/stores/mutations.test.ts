import { describe, expect, it } from "vitest";
import { findFailure } from "./mutant.ts";
import { MUTATIONS } from "./mutations.ts";

describe.concurrent("a guard of the memory store that is broken fails a test", { timeout: 10_000 }, () => {
  it("and unbroken, a copy fails none", async () => expect(await findFailure(null)).toBeNull());

  for (const mutation of MUTATIONS) {
    it(mutation.guard, async () => expect(await findFailure(mutation)).not.toBeNull());
  }
});
