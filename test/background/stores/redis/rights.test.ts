import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { background, type Job, RedisQueue } from "rapidai/background";
import { createClient } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { startRedis } from "../../../redis/server.ts";

/** The guide's line for a user with minimal rights. */
const [, name = "", password = "", rights = ""] =
  /^user (\S+) on >(\S+) (.+)$/m.exec(readFileSync("docs/guides/redis.md", "utf8")) ?? [];

/** Rights that a queue can do without, although the server then logs denials. */
const NICETIES = ["+ping", "+client|setname", "+config|get"];

for (const [what, given, database] of [
  ["the rights that the guide names", rights, ""],
  ["those and +select, in a database of its own", `${rights} +select`, "/2"],
  [
    "only the indispensable rights",
    rights
      .split(" ")
      .filter((right) => !NICETIES.includes(right))
      .join(" "),
    "",
  ],
] as const)
  test.skipIf(isWithoutRedis)(`a user with ${what} can use every function of a queue`, async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const admin = await createClient({ url: redis.url, RESP: 2 }).connect();
    onTestFinished(() => admin.destroy());
    await admin.sendCommand(["ACL", "SETUSER", name, "on", `>${password}`, ...given.split(" ")]);
    const url = `${redis.url.replace("//", `//${name}:${password}@`)}${database}`;
    const queue = new RedisQueue({ url, prefix: "myapp:" });
    onTestFinished(() => queue.close({ grace: 0 }));
    const errors: unknown[] = [];
    queue.on("error", (event) => errors.push(event));
    const work = background({ name: "work", queue, maxRetries: 0 }, async (how: string, job: Job) => {
      job.progress(0.5);
      job.log("at it");
      if (how === "fail") throw new Error("as asked");
      if (how === "stay") await pause(60_000, undefined, { signal: job.signal });
      return how;
    });
    const done = await work.enqueue("be done");
    expect(await work.wait(done)).toMatchObject({ result: "be done" });
    const failed = await work.enqueue("fail", { delay: 10 });
    expect(await work.wait(failed)).toMatchObject({ status: "failed" });
    expect(await queue.retry(failed)).toBe(true);
    const stays = await work.enqueue("stay");
    await expect.poll(async () => (await queue.getResult(stays))?.status).toBe("running");
    expect(await work.cancel(stays)).toBe(true);
    expect(await queue.getDetails(done)).toMatchObject({ logs: ["at it"] });
    expect((await queue.listJobs()).length).toBe(3);
    await queue.enqueue("other");
    expect(await queue.oldestDue()).toMatchObject([{ task: "other" }]);
    expect(await queue.prune({ age: 0 })).toBeGreaterThan(0);
    expect((await queue.health()).details).toMatchObject({ appendFsync: "none", prefix: "myapp:" });
    expect(errors).toEqual([]);
    if (given.startsWith(rights)) expect(await admin.sendCommand(["ACL", "LOG"])).toEqual([]);
    // And nothing beyond the queue's own keys and channels.
    const others = await createClient({ url }).connect();
    onTestFinished(() => others.destroy());
    for (const command of [["GET", "other"], ["PUBLISH", "other", ""], ["FLUSHALL"], ["KEYS", "*"]])
      await expect(others.sendCommand(command)).rejects.toThrow("NOPERM");
  });

for (const [what, denied] of [
  ["nothing at all", ["-publish"]],
  ["on no channel of the queue", ["resetchannels", "&others:*"]],
] as const)
  test.skipIf(isWithoutRedis)(
    `a user who may publish ${what} can still enqueue and cancel, and others find out all the same`,
    async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const admin = await createClient({ url: redis.url, RESP: 2 }).connect();
      onTestFinished(() => admin.destroy());
      await admin.sendCommand(["ACL", "SETUSER", name, "on", `>${password}`, ...rights.split(" "), ...denied]);
      const queueAt = (url: string, worker: boolean) => {
        const queue = new RedisQueue({ url, prefix: "myapp:", worker });
        onTestFinished(() => queue.close({ grace: 0 }));
        return queue;
      };
      const worker = queueAt(redis.url, true);
      const producer = queueAt(redis.url.replace("//", `//${name}:${password}@`), false);
      const work = background({ name: "work", queue: worker }, async (how: string, job: Job) => {
        if (how === "stay") await pause(60_000, undefined, { signal: job.signal });
        return how;
      });
      await worker.ready({ timeout: "20s" });
      const isOneWaiting = async () => (await admin.zCard(`${baseOf("myapp:")}iwork`)) === 1;
      for (const hows of [["alone"], ["one", "of", "several"]]) {
        // A waiting worker would be told of the job, which is what is refused.
        await expect.poll(isOneWaiting, { timeout: 5_000 }).toBe(true);
        const ids = await producer.enqueueMany("work", hows);
        for (const id of ids) expect(await work.wait(id, { timeout: "10s" })).toMatchObject({ status: "completed" });
      }
      const stays = await producer.enqueue("work", "stay");
      await expect.poll(async () => (await producer.getResult(stays))?.status, { timeout: 5_000 }).toBe("running");
      expect(await producer.cancel(stays)).toBe(true);
      expect((await producer.counts()).byStatus).toMatchObject({ pending: 0, running: 0, completed: 4, cancelled: 1 });
    },
  );
