import { background, InMemoryQueue, JobError } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { follow } from "../../src/cli/follow.ts";
import { Terminal } from "../../src/cli/terminal.ts";

test("a backend that is away for a while ends no wait for a job, and is told of once, with the job's id", async () => {
  const written = { out: [] as string[], err: [] as string[] };
  const to = (lines: string[]) => ({ writableLength: 0, on() {}, write: (text: string) => lines.push(text) });
  const terminal = new Terminal(to(written.out) as never, to(written.err) as never);
  const queue = new InMemoryQueue();
  onTestFinished(() => queue.close());
  const gate = Promise.withResolvers<string>();
  const task = background({ name: "task", queue }, () => gate.promise);
  const jobId = await task.enqueue();
  const away = new JobError("queue_unavailable", "Nobody is there.");
  vi.spyOn(queue, "getResult")
    .mockRejectedValueOnce(away)
    .mockImplementationOnce(async () => {
      gate.resolve("done");
      throw away;
    });
  expect(await follow(queue, jobId, terminal, {}, new AbortController().signal)).toBe(true);
  expect(written.err).toEqual([expect.stringMatching(new RegExp(`Nobody is there\\..*${jobId}`))]);
});
