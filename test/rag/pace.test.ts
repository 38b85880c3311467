import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Pace } from "../../src/rag/pace.ts";
import { everyTurn } from "../every-turn.ts";

/** Milliseconds of work so far. Nothing else takes time here. */
let worked = 0;
beforeEach(() => {
  worked = 0;
  const begun = performance.now() + 1_000;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => begun + worked);
  onTestFinished(() => clock.mockRestore());
});

/** Works for so many milliseconds, and rests when it is time. */
async function work(ms: number, signal?: AbortSignal): Promise<void> {
  const pace = new Pace(signal);
  for (let at = 0; at < ms; at++) {
    await pace.rest();
    worked++;
  }
}

/** The longest turn of the event loop while something runs. */
async function mostHeldBy(works: () => Promise<unknown>): Promise<number> {
  const turns = [worked];
  const stop = everyTurn(() => turns.push(worked));
  await works();
  stop();
  return Math.max(...turns.map((at, turn) => at - (turns[turn - 1] ?? at)));
}

test("many at once hold the event loop no longer than one does", async () => {
  const one = await mostHeldBy(() => work(100));
  expect(one).toBeLessThan(10);
  expect(await mostHeldBy(() => Promise.all(Array.from({ length: 30 }, () => work(100))))).toBe(one);
});

test("a short work does not wait for the end of long ones", async () => {
  const long = [work(1_000), work(1_000)];
  await work(20);
  expect(worked).toBeLessThan(200);
  await Promise.all(long);
});

test("what waits for its turn and is called off lets the others go on", async () => {
  const stop = new AbortController();
  const ends = Promise.allSettled([work(50), work(50, stop.signal), work(50)]);
  stop.abort(new Error("no more"));
  expect((await ends).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(worked).toBeGreaterThanOrEqual(100);
});
