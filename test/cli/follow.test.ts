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

test("however long a job takes, what waits for it grows with no look", async () => {
  let reactions = 0;
  class Counted<T> extends Promise<T> {
    // biome-ignore lint/suspicious/noThenProperty: counts who waits
    override then<R, E>(...how: Parameters<Promise<T>["then"]>): Promise<R | E> {
      reactions++;
      return super.then(...how) as Promise<R | E>;
    }
  }
  const terminal = new Terminal(
    { writableLength: 0, on() {}, write() {} } as never,
    { writableLength: 0, on() {}, write() {} } as never,
  );
  const queue = new InMemoryQueue({ worker: false });
  onTestFinished(() => queue.close());
  const jobId = await queue.enqueue("task", undefined, { delay: "9d" });
  const job = await queue.getResult(jobId);
  let end = () => {};
  vi.spyOn(queue, "wait").mockReturnValue(
    new Counted((resolve) => {
      end = () => resolve(job as never);
    }),
  );
  const looks = vi.spyOn(queue, "getResult").mockResolvedValue(job);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const following = follow(queue, jobId, terminal, {}, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(1_000);
  const first = reactions;
  await vi.advanceTimersByTimeAsync(25_000);
  expect(looks.mock.calls.length).toBeGreaterThan(100);
  expect(reactions).toBe(first);
  end();
  expect(await following).toBe(true);
});
