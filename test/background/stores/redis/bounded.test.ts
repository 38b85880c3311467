import { expect, test } from "vitest";
import { bounded } from "../../../../src/background/stores/redis/bounded.ts";

/** Blocks the event loop. */
function standStill(ms: number): void {
  for (const endsAt = performance.now() + ms; performance.now() < endsAt; );
}

const never = (): Promise<never> => new Promise(() => {});

test.each([10, 150])(
  "an answer that came in time is read even if the process was blocked past the time limit, by %i ms",
  async (ms) => {
    // From here on, the answer is read after timers have fired, as a socket's would be.
    await new Promise((resolve) => setImmediate(resolve));
    let isLate = false;
    const onLate = () => {
      isLate = true;
      return new Error("silent");
    };
    const answer = bounded(new Promise((resolve) => setImmediate(resolve, "there")), 1, onLate);
    standStill(ms);
    expect(await answer).toBe("there");
    await new Promise((resolve) => setImmediate(resolve));
    expect(isLate).toBe(false);
  },
);

test("an answer that did not come is then waited for half a second longer, and no more", async () => {
  const startedAt = performance.now();
  const answer = bounded(never(), 1.2);
  standStill(150);
  await expect(answer).rejects.toThrow("it did not answer within 1 ms");
  expect(performance.now() - startedAt).toBeGreaterThan(500);
});

test("an error of the call itself, or the caller's own error for a timeout, is passed on unchanged", async () => {
  await expect(bounded(Promise.reject(new Error("broken")), 1_000)).rejects.toThrow("broken");
  await expect(bounded(never(), 1, () => new Error("silent"))).rejects.toThrow("silent");
});
