import { background, InMemoryQueue, type JobDetails } from "rapidai/background";
import { expect, test } from "vitest";
import { sayJob } from "../../src/cli/job-page.ts";
import { Terminal } from "../../src/cli/terminal.ts";

/** The page of a job that runs, with other values in some of its fields. */
async function pageOf(fieldsOf: (job: JobDetails) => Partial<JobDetails>): Promise<string> {
  const queue = new InMemoryQueue();
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const work = background({ name: "work", queue }, () => {
    started.resolve();
    return gate.promise;
  });
  const jobId = await work.enqueue();
  await started.promise;
  const job = (await queue.getDetails(jobId)) as JobDetails;
  gate.resolve();
  await work.wait(jobId);
  await queue.close();
  const written: string[] = [];
  const out = { on() {}, write: (text: string) => written.push(text) };
  const toJSON = () => ({ payload: null, result: null });
  sayJob(
    { ...job, ...fieldsOf(job), toJSON } as unknown as JobDetails,
    new Terminal(out as never, out as never),
    false,
  );
  return written.join("");
}

test("an estimate does not say that the job is done, nor when it was", async () => {
  const later = await pageOf(() => ({ estimatedCompletion: new Date(Date.now() + 90_000) }));
  expect(later).toMatch(/Estimate +done \S+Z {2}in 1 min\n/);
  const overdue = await pageOf(() => ({ estimatedCompletion: new Date(Date.now() - 1) }));
  expect(overdue).toMatch(/Estimate +done any moment, unless it takes longer than usual\n/);
});

test("a run that was handed back is in the timeline, although it does not count as an attempt", async () => {
  expect(await pageOf(() => ({}))).not.toContain("handed back");
  const again = await pageOf(({ startedAt }) => ({ startedAt: new Date(Number(startedAt) - 20_000) }));
  expect(again).toMatch(
    /enqueued\n {2}\S+Z {2}\d+ s ago {2}claimed, and later handed back, uncounted: it may have run\n.*attempt 1 started/,
  );
  const waiting = await pageOf(() => ({ status: "pending", attempts: 0, history: [] }));
  expect(waiting).toContain("handed back");
});

test("lost workers are counted in words", async () => {
  expect(await pageOf(() => ({ losses: 1 }))).toContain("1 of 4, 1 worker lost\n");
  expect(await pageOf(() => ({ losses: 2 }))).toContain("1 of 4, 2 workers lost\n");
});
