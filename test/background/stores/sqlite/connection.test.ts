import { expect, test, vi } from "vitest";
import { whenFree } from "../../../../src/background/stores/sqlite/connection.ts";

const BUSY = Object.assign(new Error("database is locked"), { errcode: 5 });

test("a call whose process stood still is not refused for one write of another that it meets at its first try", async () => {
  const run = vi.fn(() => "done");
  run.mockImplementationOnce(() => {
    throw BUSY;
  });
  expect(await whenFree(run, performance.now() - 60_000)).toBe("done");
});

test("a call that has waited for long is refused soon if the file stays locked", async () => {
  const run = vi.fn(() => {
    throw BUSY;
  });
  await expect(whenFree(run, performance.now() - 60_000)).rejects.toBe(BUSY);
  expect(run.mock.calls.length).toBeLessThan(20);
});
