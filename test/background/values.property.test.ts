import { join } from "node:path";
import fc from "fast-check";
import { background, InMemoryQueue, type JobQueue, newJobId, RedisQueue, SqliteQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "../stores/folder.ts";

/** A job's payload, and what its attempts report. */
interface Play {
  readonly payload: unknown;
  readonly line: string;
  readonly message: string;
  readonly result: unknown;
}

/** A queue, its clock, and what the jobs of its task do. */
interface Stage {
  readonly queue: JobQueue;
  readonly clock: ManualClock;
  readonly plays: Map<string, Play>;
}

const folder = ownFolder();
const START = Date.UTC(2026, 0, 1);
const redis = ownRedis();
let stages: readonly Stage[] = [];

/** Any UTF-16, lone surrogates included. */
const text = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 40, size: "max" });
const value = fc.anything({
  key: fc.oneof(text, fc.constantFrom("__proto__", "constructor", "toJSON")),
  values: [
    fc.oneof(text, fc.double(), fc.bigInt(), fc.boolean(), fc.date(), fc.constantFrom(undefined, null, -0, "~d:-1")),
  ],
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withTypedArray: true,
});
const play: fc.Arbitrary<Play> = fc.record({ payload: value, line: text, message: text, result: value });

function stage(open: (clock: ManualClock) => JobQueue): Stage {
  const clock = new ManualClock(START);
  const queue = open(clock);
  const plays = new Map<string, Play>();
  background({ queue, name: "work", maxRetries: 1, backoff: "1s" }, async (_: unknown, job) => {
    const { line, message, result } = plays.get(job.id) as Play;
    job.log(line);
    job.progress({ done: job.attempt, total: 2, message: line });
    if (job.attempt === 1) throw new Error(message);
    return result;
  });
  return { queue, clock, plays };
}

/** The final details of a job, except for the worker that ran it and the stacks of its errors. */
async function finale({ queue, clock, plays }: Stage, jobId: string, given: Play, start: number): Promise<unknown> {
  plays.set(jobId, given);
  await clock.advance(start - clock.now());
  try {
    await queue.enqueue("work", given.payload, { id: jobId });
  } catch (error) {
    return (error as { code?: string }).code;
  }
  const isTriedOnce = async () =>
    expect(await queue.getResult(jobId)).toMatchObject({ status: "pending", attempts: 1 });
  await vi.waitFor(isTriedOnce, { interval: 1, timeout: 20_000 });
  await clock.advance("1s");
  await queue.wait(jobId);
  const { worker, errors, history, ...details } = (await queue.getDetails(jobId)) ?? { worker: null };
  return { ...details, errors: errors?.map(({ stack, ...error }) => error), attempts: history?.length };
}

describe("whatever a job's payload, reports and result", () => {
  beforeAll(() => {
    const { url } = redis;
    stages = [
      stage((clock) => new InMemoryQueue({ clock })),
      stage((clock) => new SqliteQueue({ clock, path: join(folder, "jobs.db"), durability: "normal" })),
      ...(isWithoutRedis ? [] : [stage((clock) => new RedisQueue({ clock, url }))]),
    ];
  });
  afterAll(async () => void (await Promise.all(stages.map(({ queue }) => queue.close()))));

  test("they are the same on every queue", { timeout: 60_000 }, async () => {
    let start = START;
    await fc.assert(
      fc.asyncProperty(play, async (given) => {
        const jobId = newJobId();
        start += 10_000;
        const [inMemory, ...elsewhere] = await Promise.all(stages.map((one) => finale(one, jobId, given, start)));
        for (const other of elsewhere) expect(other).toEqual(inMemory);
      }),
      { numRuns: 200 },
    );
  });
});
