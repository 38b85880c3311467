import { expect, test } from "vitest";
import { bounded } from "../../../../src/background/stores/redis/bounded.ts";

/** Nothing else runs meanwhile. */
function standStill(ms: number): void {
  for (const endsAt = performance.now() + ms; performance.now() < endsAt; );
}

const never = (): Promise<never> => new Promise(() => {});

test("an answer that came in time is read, though the process stood still until after it", async () => {
  // What is said then comes after timers, as what a socket has to say.
  await new Promise((resolve) => setImmediate(resolve));
  const answer = bounded(new Promise((resolve) => setImmediate(resolve, "there")), 1);
  standStill(150);
  expect(await answer).toBe("there");
});

test("one that did not come is waited for half a second longer then, and no more", async () => {
  const startedAt = performance.now();
  const answer = bounded(never(), 1);
  standStill(150);
  await expect(answer).rejects.toThrow("it did not answer within 1 ms");
  expect(performance.now() - startedAt).toBeGreaterThan(500);
});

test("what goes wrong by itself, or too late, is told as it is", async () => {
  await expect(bounded(Promise.reject(new Error("broken")), 1_000)).rejects.toThrow("broken");
  await expect(bounded(never(), 1, () => new Error("silent"))).rejects.toThrow("silent");
});
