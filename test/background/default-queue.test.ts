import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sqlitePathOf } from "../../src/background/backend-url.ts";
import {
  type AnyTask,
  background,
  type GetQueueOptions,
  getQueue,
  InMemoryQueue,
  type JobQueue,
  RedisQueue,
} from "../../src/background/index.ts";
import { ManualClock } from "../../src/testing/index.ts";
import { ownFolder } from "../stores/folder.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const folder = ownFolder();
const opened = new Set<JobQueue>();
const open = (options?: GetQueueOptions): JobQueue => {
  const queue = getQueue(options);
  opened.add(queue);
  return queue;
};

beforeEach(() => {
  vi.stubEnv("RAPIDAI_QUEUE_URL", undefined);
  vi.stubEnv("NODE_ENV", "test");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await turn();
  vi.stubEnv("RAPIDAI_QUEUE_URL", undefined);
  await open().close();
  for (const queue of opened) await queue.close();
  opened.clear();
});

const conflict = (says: RegExp): unknown =>
  expect.objectContaining({ name: "JobError", code: "queue_conflict", message: expect.stringMatching(says) });

test("the default queue is in memory, and created once", () => {
  const queue = open();
  expect(queue).toBeInstanceOf(InMemoryQueue);
  expect(open()).toBe(queue);
});

test("getQueue() with the same options, however they are written, returns the same queue", () => {
  const queue = open({ backend: "memory" });
  const same: GetQueueOptions[] = [
    {},
    { backend: undefined, url: undefined },
    { url: null },
    { backend: "memory", url: undefined },
    { backend: "memory", url: null },
    { url: "memory:" },
    { backend: "memory", url: "memory:" },
  ];
  for (const options of same) expect(open(options)).toBe(queue);
});

test("getQueue() with other options is an error, and never silently the other backend", () => {
  open();
  expect(() => getQueue({ backend: "redis" })).toThrow(conflict(/already on memory.*redis:\/\/localhost:6379/));
  expect(() => getQueue({ url: "redis://user:secret@db:6379" })).toThrow(conflict(/redis:\/\/…@db:6379/));
  expect(() => getQueue({ backend: "sqlite" })).toThrow(conflict(/sqlite:jobs\.db/));
  expect(open()).toBeInstanceOf(InMemoryQueue);
});

test("getQueue() takes the settings of a queue, and with the same ones, however they are written, returns the same queue", () => {
  const path = join(folder, "settings.db");
  const queue = open({ url: `sqlite:${path}`, worker: false, lease: "1m", retention: { age: "1d" } });
  expect([queue.isWorker, queue.place]).toEqual([false, `sqlite:${path}`]);
  const same: GetQueueOptions[] = [
    {},
    { url: `sqlite:${path}`, worker: false, lease: 60_000, retention: { age: "24h", count: undefined } },
    { url: `sqlite:${path}`, worker: false, lease: "60s", retention: { age: "1d", count: 100_000 }, concurrency: 10 },
  ];
  for (const options of same) expect(open(options)).toBe(queue);
});

test("getQueue() with other settings is an error that names them; settings that are left out do not matter", () => {
  const queue = open({ worker: false, retention: { count: 10_000 } });
  for (const options of [{ worker: false }, { backend: "memory" as const }, { retention: { age: "7d" as const } }])
    expect(open(options)).toBe(queue);
  const others: readonly [GetQueueOptions, string][] = [
    [{ worker: true }, "worker"],
    [{ worker: false, concurrency: 3 }, "concurrency"],
    [{ logger: console, lease: "1m", grace: "10s" }, "logger, lease"],
    [{ backend: "memory", retention: false }, "retention"],
  ];
  for (const [options, names] of others) {
    expect(() => getQueue(options)).toThrow(conflict(new RegExp(`on memory with different settings \\(${names}\\)`)));
  }
  expect(() => getQueue({ concurrency: 0 })).toThrow(expect.objectContaining({ code: "invalid_option" }));
});

test("a process can say after importing its tasks that it only enqueues: it runs none of their jobs", async () => {
  const clock = new ManualClock();
  const ask = background(async function askedElsewhere() {});
  const queue = open({ worker: false, clock });
  await turn();
  const jobId = await ask.enqueue();
  await clock.advance("1m");
  expect(await ask.getResult(jobId)).toMatchObject({ status: "pending", attempts: 0 });
  expect(ask.queue).toBe(queue);
});

test("getQueue() takes a prefix for Redis, and another prefix later is an error", () => {
  const queue = open({ url: "redis://127.0.0.1:1", prefix: "staging:" });
  expect(queue.place).toBe("redis://127.0.0.1:1, prefix staging:");
  expect(open({ url: "redis://127.0.0.1:1", prefix: "staging:" })).toBe(queue);
  expect(open({ url: "redis://127.0.0.1:1" })).toBe(queue);
  expect(() => getQueue({ prefix: "prod:" })).toThrow(conflict(/different settings \(prefix\)/));
});

test("imports and tasks before the first getQueue() do not turn a request for Redis into memory", async () => {
  background(async function beforeTheChoice() {});
  // In the same turn the choice is still free.
  const queue = open({ url: "redis://127.0.0.1:1/" });
  expect(queue).toBeInstanceOf(RedisQueue);
  await turn();
  expect(getQueue()).toBe(queue);
  expect(() => getQueue({ backend: "memory" })).toThrow(conflict(/already on redis:\/\/127\.0\.0\.1:1\//));
});

test("an empty RAPIDAI_QUEUE_URL and a url of null count as no url", () => {
  vi.stubEnv("RAPIDAI_QUEUE_URL", "");
  expect(open({ url: null })).toBeInstanceOf(InMemoryQueue);
});

test("getQueue() without options returns the existing queue, whatever the environment says by now", () => {
  const queue = open();
  vi.stubEnv("RAPIDAI_QUEUE_URL", "redis://127.0.0.1:1");
  expect(open()).toBe(queue);
  expect(open({ url: null })).toBe(queue);
});

test("RAPIDAI_QUEUE_URL says which queue is the default", () => {
  vi.stubEnv("RAPIDAI_QUEUE_URL", "memory:");
  expect(open()).toBeInstanceOf(InMemoryQueue);
  expect(open({ backend: "memory" })).toBe(getQueue());
});

test("an unknown backend or scheme is an error that lists the known ones", () => {
  const unknown = (says: RegExp): unknown =>
    expect.objectContaining({ name: "JobError", code: "unknown_backend", message: expect.stringMatching(says) });
  for (const backend of ["postgres", "", "Redis", "__proto__", "constructor", null, ["redis"], Object.create(null)])
    expect(() => getQueue({ backend: backend as "memory" })).toThrow(unknown(/"memory", "sqlite" or "redis"/));
  for (const url of ["postgres://db", "jobs.db", "", "http://x", "__proto__:"])
    expect(() => getQueue({ url })).toThrow(unknown(/The url of getQueue\(\).*memory:, sqlite:PATH, redis:/));
  vi.stubEnv("RAPIDAI_QUEUE_URL", "kafka://broker");
  expect(() => getQueue()).toThrow(unknown(/RAPIDAI_QUEUE_URL cannot begin with "kafka:"/));
});

test("a url that is not a string is refused with a clear message", () => {
  for (const url of [new URL("redis://db:6379"), 6379, false])
    expect(() => getQueue({ url: url as never })).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/^The url of getQueue\(\) must be a string, not a/),
      }),
    );
});

test("getQueue() takes allowEviction for Redis, which is false otherwise", () => {
  const queue = open({ url: "redis://127.0.0.1:1", allowEviction: true });
  expect(getQueue({ allowEviction: true })).toBe(queue);
  expect(() => getQueue({ allowEviction: false })).toThrow(conflict(/different settings \(allowEviction\)/));
  expect(() => getQueue({ allowEviction: "yes" as never })).toThrow(/allowEviction .* must be true or false/);
});

test("a prefix that is not a string is refused, even if the queue has no use for it", () => {
  for (const prefix of [3, null, ["jobs:"]])
    expect(() => getQueue({ url: "memory:", prefix: prefix as never })).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/^The prefix of getQueue\(\) must be a string, not a value of type/),
      }),
    );
});

test("an error about a url with an unknown beginning shows no password, but mentions quotes or spaces around it", () => {
  const secret = "s3cr3t";
  for (const url of [
    `"redis://:${secret}@db"`,
    ` redis://u:${secret}@db`,
    `'rediss://${secret}@db'`,
    `${secret}@db`,
    `u:${secret}@db`,
  ]) {
    const { message } = refusalOf(() => getQueue({ url }));
    expect(message).not.toContain(secret);
    expect(message.includes("Remove the quotes or spaces around it")).toBe(/redis/.test(url));
  }
  expect(open({ url: "REDIS://127.0.0.1:1", worker: false }).place).toMatch(/^redis:\/\/127\.0\.0\.1:1,/);
  expect(refusalOf(() => getQueue({ url: `redis://db:1?password=${secret}` })).message).not.toContain(secret);
});

function refusalOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

test("a backend and a url that do not fit together are an error", () => {
  expect(() => getQueue({ backend: "redis", url: "memory:" })).toThrow(/"redis", but its url is for "memory"/);
});

test("a backend that was asked for is not overruled by the environment", () => {
  vi.stubEnv("RAPIDAI_QUEUE_URL", "redis://127.0.0.1:1");
  expect(open({ backend: "memory" })).toBeInstanceOf(InMemoryQueue);
});

test("a misspelt option is an error", () => {
  expect(() => getQueue({ ur: "memory:" } as GetQueueOptions)).toThrow(
    /'ur' is not one of the options of getQueue\(\): use backend, url, prefix, allowEviction, concurrency/,
  );
});

test("closing the default queue frees its place for another one", async () => {
  const first = open();
  await first.close();
  const second = open({ backend: "memory" });
  expect(second).not.toBe(first);
  expect(open()).toBe(second);
});

test("a task goes on with the next default queue once its own was closed", async () => {
  const double = background(async function doubleOnTheNext(n: number) {
    return 2 * n;
  });
  await open().close();
  const jobId = await double.enqueue(21);
  expect(await double.wait(jobId)).toMatchObject({ status: "completed", result: 42 });
  expect(double.queue).toBe(open());
});

test("a task that is made first gets the queue that is chosen later in the same turn", async () => {
  const early = background(async function madeEarly() {
    return "ran";
  });
  const queue = open({ url: "memory:" });
  expect(early.queue).toBe(queue);
  const jobId = await queue.enqueue("madeEarly", undefined);
  expect(await queue.wait(jobId)).toMatchObject({ status: "completed", result: "ran" });
});

test("tasks attach to the default queue one turn after they are made, without a call of getQueue()", async () => {
  background(async function attachedLater() {
    return "ran";
  });
  await turn();
  const queue = open();
  // Enqueued by name: only a queue that has the task runs it.
  expect(await queue.wait(await queue.enqueue("attachedLater", undefined))).toMatchObject({ result: "ran" });
});

test("two tasks with one name on one queue are an error, before the queue exists and after", async () => {
  const make = (): AnyTask => background(async function twice() {});
  make();
  expect(make).toThrow(expect.objectContaining({ code: "duplicate_task", task: "twice" }));
  await turn();
  expect(make).toThrow(expect.objectContaining({ code: "duplicate_task", task: "twice" }));
  const queue = new InMemoryQueue();
  opened.add(queue);
  const own = (): AnyTask => background({ queue, name: "twice" }, async () => {});
  own();
  expect(own).toThrow(/Two tasks on one queue are named 'twice'.*background\(\{ name: … \}, handler\)/);
});

test.each(["before the queue exists", "after"])(
  "under NODE_ENV=development the newer of two tasks with one name replaces the older with a warning, %s",
  async (when) => {
    vi.stubEnv("NODE_ENV", "development");
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    if (when === "after") open();
    background({ name: "reloaded" }, async () => "old");
    const newer = background({ name: "reloaded" }, async () => "new");
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/Two tasks on one queue are named 'reloaded'.*The newer one replaces the older/),
    );
    await turn();
    expect(await newer.wait(await open().enqueue("reloaded", undefined))).toMatchObject({ result: "new" });
  },
);

test.each([{ NEXT_RUNTIME: "nodejs" }, { __NEXT_PRIVATE_STANDALONE_CONFIG: "{}" }])(
  "in Next.js, which evaluates a module once for each of its bundles, the newer of two tasks replaces the older: %j",
  async (env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const queue = open();
    const [page, route] = ["page", "route"].map((bundle) => background({ name: "twice-bundled" }, async () => bundle));
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/'twice-bundled'.*evaluates a module once for each/),
    );
    const jobId = await (page as AnyTask).enqueue();
    await queue.wait(jobId);
    expect(await (route as AnyTask).getResult(jobId)).toMatchObject({ status: "completed", result: "route" });
  },
);

test("under NODE_ENV=production a default queue in memory that nobody asked for causes a warning", async () => {
  vi.stubEnv("NODE_ENV", "production");
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  await open({ backend: "memory" }).close();
  vi.stubEnv("RAPIDAI_QUEUE_URL", "memory:");
  await open().close();
  expect(warn).not.toHaveBeenCalled();
  vi.stubEnv("RAPIDAI_QUEUE_URL", undefined);
  open();
  open();
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("RAPIDAI_QUEUE_URL is not set"));
});

test("a second copy of the package in the process causes one warning", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  for (let copies = 1; copies < 4; copies++) {
    vi.resetModules();
    await import("../../src/background/default-queue.ts");
  }
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("Two copies of rapidai"));
});

test("on a Node.js that is too old a queue says so", () => {
  const { withResolvers } = Promise;
  try {
    Promise.withResolvers = undefined as never;
    expect(() => new InMemoryQueue()).toThrow(/needs Node\.js 22\.18 or newer, but this is v\d/);
  } finally {
    Promise.withResolvers = withResolvers;
  }
});

test.each(["default queue", "queue of its own"])(
  "a task that was replaced can still be used, but runs the newer one's code, on a %s",
  async (which) => {
    vi.stubEnv("NODE_ENV", "development");
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const queue = open();
    const own = which === "default queue" ? {} : { queue };
    const older = background({ ...own, name: "reloaded" }, async () => "old");
    const id = await older.enqueue();
    expect(await older.wait(id)).toMatchObject({ result: "old" });
    const newer = background({ ...own, name: "reloaded" }, async () => "new");
    expect([await older.getResult(id), await older.cancel(id)]).toMatchObject([{ result: "old" }, false]);
    expect(older.queue).toBe(queue);
    expect(await newer.wait(await older.enqueue())).toMatchObject({ result: "new" });
    expect(await older.wait(await newer.enqueue())).toMatchObject({ result: "new" });
  },
);

test.each(["the default queue was made", "it was made anew"])(
  "a task that was replaced runs the newer one's code even if both were made before %s",
  async (what) => {
    vi.stubEnv("NODE_ENV", "development");
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const make = (code: string): AnyTask => background({ name: "reloaded-early" }, async () => code);
    const older = make("old");
    if (what === "it was made anew") await open().close();
    const newer = make("new");
    warn.mockClear();
    await turn();
    expect(await newer.wait(await older.enqueue())).toMatchObject({ result: "new" });
    expect(await older.wait(await newer.enqueue())).toMatchObject({ result: "new" });
    expect(warn).not.toHaveBeenCalled();
  },
);

test("a default queue that cannot be created is a warning if tasks are only declared, and a rejection if they are used", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  vi.stubEnv("RAPIDAI_QUEUE_URL", "kafka://broker");
  const task = background(async function withoutAQueue() {});
  const enqueued = task.enqueue();
  await expect(enqueued).rejects.toMatchObject({ name: "JobError", code: "unknown_backend" });
  await expect(task.getResult("x")).rejects.toMatchObject({ code: "unknown_backend" });
  await expect(task.cancel("x")).rejects.toMatchObject({ code: "unknown_backend" });
  await expect(task.wait("x")).rejects.toMatchObject({ code: "unknown_backend" });
  await turn();
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "unknown_backend" }));
});

test("a call of getQueue() between two tasks with one name does not hide their conflict, and other tasks still run", async () => {
  const make = (): AnyTask => background(async function thrice() {});
  make();
  background(async function bystander() {
    return "ran";
  });
  const queue = open();
  expect(make).toThrow(expect.objectContaining({ code: "duplicate_task", task: "thrice" }));
  expect(await queue.wait(await queue.enqueue("bystander"))).toMatchObject({ result: "ran" });
});

test.each([
  ["sqlite:jobs.db", "jobs.db"],
  ["sqlite:./a/jobs.db", "./a/jobs.db"],
  ["sqlite://jobs.db", "jobs.db"],
  ["sqlite://./a/jobs.db", "./a/jobs.db"],
  ["sqlite:/var/jobs.db", "/var/jobs.db"],
  ["sqlite:///var/jobs.db", "/var/jobs.db"],
])("the file of %s is %s", (url, path) => {
  expect(sqlitePathOf(url)).toBe(path);
});

test("tasks move on to a new default queue, which runs the jobs that were left over", async () => {
  const path = join(folder, "anew.db");
  const url = `sqlite:${path}`;
  const task = background({ name: "goes-on", backoff: 1 }, async (_: number, job) => {
    if (job.attempt === 1) throw new Error("first");
    return job.attempt;
  });
  const first = open({ url });
  await first.ready({ timeout: "20s" });
  await first.stop();
  const jobId = await task.enqueue(1);
  await first.close();
  const second = open({ url });
  expect(second).not.toBe(first);
  expect(second.taskNames).toContain("goes-on");
  expect(await second.wait(jobId)).toMatchObject({ status: "completed", result: 2 });
});

test("a task may be made again for a new default queue, but twice for one queue is still an error", async () => {
  const make = (result: string): AnyTask => background({ name: "made-anew" }, async () => result);
  make("one");
  await open().close();
  const queue = open();
  make("two");
  expect(await queue.wait(await queue.enqueue("made-anew"))).toMatchObject({ result: "two" });
  expect(() => make("three")).toThrow(expect.objectContaining({ code: "duplicate_task" }));
});

test("SQLite is a backend, by its name or by a url", async () => {
  const queue = open({ url: "sqlite:./there-is-no-such-folder/jobs.db" });
  expect(getQueue({ backend: "sqlite", url: "sqlite:./there-is-no-such-folder/jobs.db" })).toBe(queue);
  await expect(queue.ready()).rejects.toMatchObject({ code: "queue_unavailable" });
});

test.each([
  "redis://user:p@ss@host:1",
  "redis://user:pa/ss@host:1",
  "redis://user:pass\n@host:1",
  "redis://host:1?password=\npass",
])("no part of a password is in an error (%j)", (url) => {
  open();
  const asked = vi.fn(() => getQueue({ url }));
  expect(asked).toThrow(expect.objectContaining({ code: "queue_conflict" }));
  expect(String(asked.mock.results[0]?.value)).not.toMatch(/pa?@?ss|user/);
  expect(String(asked.mock.results[0]?.value)).toMatch(/redis:\/\/(?:…@)?host:1/);
});
