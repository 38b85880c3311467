import { expect, test } from "vitest";
import { EarlyCancels } from "../../../src/background/engine/early-cancels.ts";

test("all cancellations heard of while a claim is in flight are remembered, and that any may have been missed", () => {
  const cancels = new EarlyCancels();
  for (const id of ["a", "b"]) cancels.cancelled(id);
  cancels.hinted(["c"]);
  expect(cancels.isAfterGap).toBe(false);
  cancels.hinted(["d"], true);
  cancels.hinted(["e"]);
  expect(["a", "b", "c"].map((id) => cancels.isCancelled(id))).toEqual([true, true, false]);
  expect(cancels.hints).toEqual(["c", "d", "e"]);
  expect(cancels.isAfterGap).toBe(true);
});
