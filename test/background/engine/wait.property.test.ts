import fc from "fast-check";
import { expect, test } from "vitest";
import type { FaultyStore } from "./faulty-store.ts";
import { runningJob, turns } from "./scene.ts";

const ways = fc.constantFrom("complete", "fail", "cancel" as const);
const moments = fc.nat({ max: 12 });

/** Yields a number of times, to microtasks or for a whole turn of the event loop. */
async function pass(steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    if (step % 3 === 2) await turns(1);
    else await null;
  }
}

/** Delays each call of the store, before and after it takes effect. */
function delay(store: FaultyStore, before: number, after: number): void {
  for (const method of ["get", "subscribe", "settle", "cancel"] as const) {
    store.on(method, async (call) => {
      await pass(before);
      const answer = await call();
      await pass(after);
      return answer;
    });
  }
}

test("a wait that begins at any moment sees the job's end, whatever that is and whenever it comes", async () => {
  const property = fc.asyncProperty(
    ways,
    moments,
    fc.array(moments, { minLength: 1, maxLength: 6 }),
    moments,
    moments,
    async (way, endsAt, waitsAt, before, after) => {
      const { queue, store, task, runs, jobId } = await runningJob(
        { retention: { age: 0, count: 0 } },
        { maxRetries: 0 },
      );
      delay(store, before, after);
      const end = async () => {
        await pass(endsAt);
        if (way === "complete") runs[0]?.complete("r");
        else if (way === "fail") runs[0]?.fail(new Error("f"));
        else await task.cancel(jobId);
      };
      const wait = async (at: number) => {
        await pass(at);
        return (await task.wait(jobId)).status;
      };
      const ending = end();
      const seen = await Promise.all(waitsAt.map(wait));
      await ending;
      const expected = { complete: "completed", fail: "failed", cancel: "cancelled" }[way];
      expect(new Set(seen)).toEqual(new Set([expected]));
      await queue.close({ grace: 0 });
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
