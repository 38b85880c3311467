import fc from "fast-check";
import { background } from "rapidai/background";
import { expect, test } from "vitest";
import { losesReply, type Method, rejects } from "./faulty-store.ts";
import { controlled, eventsOf, scene } from "./scene.ts";

const methods = fc.constantFrom<Method[]>("claim", "settle", "heartbeat", "enqueue", "prune");
const fault = fc.record({
  method: methods,
  isDone: fc.boolean(),
  times: fc.integer({ min: 1, max: 8 }),
  afterMs: fc.nat(8_000),
});
const job = fc.record({ fails: fc.nat(2), delayMs: fc.nat(3_000) });

test("whatever fails and whenever, every accepted job ends exactly once, and its attempts do not overlap", async () => {
  const property = fc.asyncProperty(
    fc.array(fault, { maxLength: 8 }),
    fc.array(job, { minLength: 1, maxLength: 12, size: "max" }),
    fc.boolean(),
    async (faults, jobs, isRemote) => {
      const { queue, clock, store } = scene({ concurrency: 3, lease: "30s", isRemote });
      const told = eventsOf(queue);
      const running = new Map<string, number>();
      let overlaps = 0;
      const task = background({ queue, maxRetries: 2, backoff: "1s" }, async function shaky(fails: number, job) {
        const others = running.get(job.id) ?? 0;
        if (others > 0) overlaps++;
        running.set(job.id, others + 1);
        await null;
        running.set(job.id, (running.get(job.id) ?? 0) - 1);
        if (job.attempt <= fails) throw new Error("shaky");
        return fails;
      });
      controlled(queue, { name: "idle" });
      const accepted: string[] = [];
      for (const { method, isDone, times, afterMs } of faults) {
        clock.after(afterMs, () => store.on(method, isDone ? losesReply() : rejects(), times));
      }
      for (const { fails, delayMs } of jobs) {
        let id: string | undefined;
        for (let tries = 0; tries < 20; tries++) {
          try {
            accepted.push(await task.enqueue(fails, { id, delay: delayMs }));
            break;
          } catch (error) {
            id = (error as { jobId: string }).jobId;
          }
        }
        await clock.advance(500);
      }
      await clock.advance("3m");
      expect(accepted).toHaveLength(jobs.length);
      expect(await queue.listJobs()).toHaveLength(jobs.length);
      for (const [index, jobId] of accepted.entries()) {
        const result = await queue.getResult(jobId);
        const losses = told.filter(
          ({ name, event }) => name === "lost" && (event as { jobId: string }).jobId === jobId,
        );
        // Each lost reply of a claim costs an attempt.
        if (losses.length === 0) {
          expect(result).toMatchObject({ status: "completed", result: jobs[index]?.fails });
          expect(result?.attempts).toBe((jobs[index]?.fails ?? 0) + 1);
        } else expect(result?.isDone).toBe(true);
        const ends = told.filter(
          ({ name, event }) =>
            (name === "completed" || name === "failed") && (event as { jobId: string }).jobId === jobId,
        );
        expect(ends).toHaveLength(1);
      }
      expect(overlaps).toBe(0);
      await queue.close({ grace: 0 });
    },
  );
  await fc.assert(property, { numRuns: 60 });
}, 20_000);
