// The programs of the guide that use BullMQ, with a server of their own.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Queue } from "bullmq";
import { RedisQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Program, ROOT, start } from "../examples/program.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { startRedis } from "../redis/server.ts";
import { readPage, usesBullMq } from "./markdown.ts";

// As long as the programs of the other guides may take on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
const WAITING = { timeout: 45_000 };
const programs = readPage("docs/guides/coming-from-bullmq.md").blocks.filter(usesBullMq);

test("the guide shows a worker of BullMQ, and what moves its jobs", () => {
  expect(programs).toHaveLength(2);
});

test.skipIf(isWithoutRedis)("the worker runs a job and ends on SIGTERM", async () => {
  const { url } = await redis();
  const worker = run(0, url);
  await worker.printed(/^1$/m);
  await endOnSigterm(worker);
});

test.skipIf(isWithoutRedis)("what moves jobs stores each once, with its time and its retries", async () => {
  const { url } = await redis();
  const connection = { url };
  const old = new Queue("mail", { connection });
  onTestFinished(() => old.close());
  const due = await old.add("send", { to: "due" });
  const retried = await old.add("send", { to: "retried" }, { jobId: "welcome-1", attempts: 5 });
  const delayed = await old.add("send", { to: "delayed" }, { delay: 3_600_000 });
  const unknown = await old.add("receive", {}, { removeOnFail: true });
  const states = () => Promise.all([due, retried, delayed, unknown].map((job) => job.getState()));

  const mover = run(1, url);
  await expect.poll(states, WAITING).toEqual(["completed", "completed", "completed", "delayed"]);
  await retried.retry("completed"); // as after a crash of the program
  await expect.poll(states, WAITING).toEqual(["completed", "completed", "completed", "delayed"]);
  await endOnSigterm(mover);

  const queue = new RedisQueue({ url, worker: false });
  onTestFinished(() => queue.close());
  const moved = await Promise.all((await queue.listJobs()).map(({ jobId }) => queue.getDetails(jobId)));
  const hourLater = new Date(delayed.timestamp + 3_600_000);
  expect(moved).toHaveLength(3);
  for (const job of [
    { payload: { to: "due" }, maxRetries: 0, runAt: expect.toSatisfy((runAt) => runAt < hourLater) },
    { payload: { to: "retried" }, maxRetries: 4 },
    { payload: { to: "delayed" }, maxRetries: 0, runAt: hourLater },
  ])
    expect(moved).toContainEqual(expect.objectContaining({ ...job, task: "mail.send" }));
});

async function redis() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return server;
}

function run(index: number, url: string): Program {
  const args = [
    "--import",
    pathToFileURL(join(ROOT, "scripts", "from-source.ts")).href,
    "--input-type=module-typescript",
    "-",
  ];
  return start(process.execPath, args, { REDIS_URL: url, RAPIDAI_QUEUE_URL: url }, programs[index]?.text);
}

async function endOnSigterm({ child, ended }: Program): Promise<void> {
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0 });
}
