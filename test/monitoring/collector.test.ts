import { App } from "rapidai";
import { background, type InMemoryQueue, InMemoryQueue as Queue } from "rapidai/background";
import { getCollector, type MetricSnapshot } from "rapidai/monitoring";
import { ManualClock, TestClient } from "rapidai/testing";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type LlmCall, notifyCall } from "../../src/llm/calls.ts";

const collector = getCollector();
let clock: ManualClock;
let queue: InMemoryQueue;

beforeEach(() => {
  collector.clear();
  clock = new ManualClock();
  queue = new Queue({ clock, concurrency: 1 });
});
afterEach(() => queue.close({ grace: 0 }));

const numberIn = (name: string, tags: Record<string, string>): unknown => {
  const found = collector
    .getMetrics(name)
    .filter((metric) => Object.entries(tags).every(([k, v]) => metric.tags[k] === v));
  expect(found, name).toHaveLength(1);
  const { value } = found[0] as MetricSnapshot & { readonly value: number };
  return value;
};

describe("jobs", () => {
  test("are counted and timed by themselves, by task and queue", async () => {
    const flaky = background({ queue, maxRetries: 1 }, async function flaky(fails: number, job) {
      await clock.advance("4s");
      if (job.attempt <= fails) throw new Error("not yet");
    });
    const [, waiting] = [await flaky.enqueueMany([0, 1, 2]), await flaky.enqueue(0, { delay: "1h" })];
    await clock.drain();
    await clock.advance("1m");
    await clock.drain();
    await flaky.cancel(waiting);

    const of = { queue: "memory", task: "flaky" };
    const expected = { enqueued: 4, started: 5, completed: 2, failed: 1, retried: 2, lost: 0 };
    for (const [name, count] of Object.entries(expected))
      expect([name, numberIn(`rapidai_jobs_${name}_total`, of)]).toEqual([name, count]);
    expect(numberIn("rapidai_jobs_cancelled_total", { ...of, origin: "here" })).toBe(1);
    expect(numberIn("rapidai_jobs_running", of)).toBe(0);
    const runs = collector.getMetrics("rapidai_job_run_seconds");
    expect(runs.map(({ tags, ...run }) => [tags.outcome, "count" in run && run.count])).toEqual([
      ["completed", 2],
      ["retrying", 2],
      ["failed", 1],
    ]);
    expect(runs[0]).toMatchObject({ p50: 4, max: 4 });

    const { jobs } = collector.getSummary();
    expect(jobs).toMatchObject({ ...expected, cancelled: 1, running: 0, errorRate: 1 / 3 });
    expect(jobs.runSeconds).toMatchObject({ count: 5, sum: 20, p95: 4 });
    expect(jobs.waitSeconds).toMatchObject({ count: 5, min: 0 });
    expect(jobs.byTask.flaky).toEqual({ ...jobs, byTask: undefined });
    expect(JSON.parse(JSON.stringify(collector.getSummary())).jobs.completed).toBe(2);
  });

  test("that run are shown as running, also after a clear", async () => {
    const ends: (() => void)[] = [];
    background({ name: "work", queue }, () => new Promise<void>((resolve) => ends.push(resolve)));
    await queue.enqueue("work");
    await clock.advance(0);
    expect(collector.getSummary().jobs).toMatchObject({ started: 1, running: 1 });
    collector.clear();
    expect(collector.getSummary().jobs).toMatchObject({ started: 0, running: 1, enqueued: 0 });
    ends[0]?.();
    await clock.drain();
    expect(collector.getSummary().jobs).toMatchObject({ running: 0, completed: 1 });
  });

  test("of more tasks than there is room for are counted together, and that is told", async () => {
    const warned: string[] = [];
    vi.spyOn(process, "emitWarning").mockImplementation((warning) => void warned.push(String(warning)));
    for (let task = 0; task < 100; task++) await queue.enqueue(`task-${task}`);
    expect(collector.getSummary().jobs.enqueued).toBe(100);
    expect(numberIn("rapidai_jobs_enqueued_total", { task: "_overflow" })).toBe(20);
    expect(collector.getSummary().overflowed).toBe(20);
    expect(warned).toEqual([expect.stringContaining("Use tags with few values each")]);
  });

  test("of tasks that there was no room for run, and end, where they were counted, also after a clear", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const others = new Queue({ clock, concurrency: 3 });
    onTestFinished(() => others.close({ grace: 0 }));
    const ends: (() => void)[] = [];
    for (let task = 0; task < 80; task++) await queue.enqueue(`task-${task}`);
    for (const name of ["a", "b", "c"]) {
      await background({ name, queue: others }, () => new Promise<void>((resolve) => ends.push(resolve))).enqueue();
    }
    await clock.advance(0);
    const running = () =>
      collector.getMetrics("rapidai_jobs_running").map((metric) => "value" in metric && metric.value);
    expect(running().filter((count) => count !== 0)).toEqual([3]);
    collector.clear();
    expect(running()).toEqual([3]);
    for (const end of ends) end();
    await clock.drain();
    expect(running().filter((count) => count !== 0)).toEqual([]);
    expect(collector.getSummary().jobs).toMatchObject({ running: 0, completed: 3, runSeconds: { count: 3 } });
  });
});

describe("metrics of the program's own", () => {
  test("are summed, counted and ranked, by tags in any order", () => {
    for (let value = 1; value <= 100; value++) collector.recordMetric("pages.read", value, { kind: "pdf", big: true });
    collector.recordMetric("pages.read", 1_000, { big: true, kind: "pdf" });
    collector.recordMetric("pages.read", 7, { kind: "html" });
    expect(collector.getMetrics("pages.read")).toEqual([
      {
        name: "pages.read",
        kind: "summary",
        tags: { big: "true", kind: "pdf" },
        ...{ count: 101, sum: 6_050, min: 1, max: 1_000, last: 1_000, p50: 51, p95: 96, p99: 100 },
      },
      expect.objectContaining({ tags: { kind: "html" }, count: 1, sum: 7, p50: 7 }),
    ]);
  });

  test("percentiles are of the newest values, whatever came before", () => {
    for (let value = 0; value < 10_000; value++) collector.recordMetric("m", value < 9_744 ? 1e9 : value);
    expect(collector.getMetrics("m")[0]).toMatchObject({ count: 10_000, p50: 9_871, max: 1e9, last: 9_999 });
  });

  test("whose tags cannot be said are recorded all the same", () => {
    const unsayable = {
      toString: () => {
        throw new Error("mine");
      },
    };
    for (const tag of [Object.create(null), unsayable]) collector.recordMetric("m", 1, { tag });
    expect(collector.getMetrics("m")).toMatchObject([{ tags: { tag: "an object" }, count: 2 }]);
  });

  test("of a metric too many are dropped, and of tags too many put together: a warning says which", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (let n = 0; n <= 200; n++) collector.recordMetric(`metric-${n}`, 1);
    collector.clear();
    for (let n = 0; n <= 500; n++) collector.recordMetric("metric", 1, { user: n });
    expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
      expect.stringContaining("too many different metrics: values of further ones are dropped"),
      expect.stringContaining(
        "The metric metric has too many combinations of tag values: further ones are counted together",
      ),
    ]);
  });

  test("stay bounded: in metrics, series, tags and the length of what tags say", () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (let n = 0; n < 1_000; n++) collector.recordMetric(`metric-${n}`, 1);
    for (let n = 0; n < 2_000; n++) collector.recordMetric("metric-0", 1, { user: n });
    const metrics = collector.getMetrics().filter(({ name }) => name.startsWith("metric-"));
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(200);
    const series = collector.getMetrics("metric-0");
    expect(series).toHaveLength(501);
    expect(series.at(-1)).toMatchObject({ tags: { user: "_overflow" }, count: 1_501 });
    expect(collector.getSummary().overflowed).toBe(800 + 1_501);

    const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`t${n}`, "x".repeat(10_000)]));
    collector.recordMetric("metric-1", 1, many);
    const tags = collector.getMetrics("metric-1").at(-1)?.tags ?? {};
    expect(Object.keys(tags)).toHaveLength(10);
    expect(Object.values(tags)[0]).toHaveLength(128);
  });

  test("stay bounded in all: of 10,000 series further ones are put together, but for a metric's first", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (let n = 0; n < 30; n++) {
      for (let user = 0; user < 400; user++) collector.recordMetric(`metric-${n}`, 1, { user });
    }
    const seriesOf = (n: number) => collector.getMetrics(`metric-${n}`);
    expect([seriesOf(0).length, seriesOf(24).length]).toEqual([400, 400]);
    expect(seriesOf(25)).toMatchObject([
      { tags: { user: "0" }, count: 1 },
      { tags: { user: "_overflow" }, count: 399 },
    ]);
    expect(collector.getSummary().overflowed).toBe(5 * 399);
    expect(warned).toHaveBeenCalledTimes(1);
    collector.recordMetric("metric-0", 1, { user: 7 });
    collector.recordMetric("plain", 1);
    collector.recordMetric("plain", 1);
    expect(collector.getMetrics("plain")).toMatchObject([{ tags: {}, count: 2 }]);
    expect(collector.getSummary().overflowed).toBe(5 * 399);
    collector.clear();
    for (let user = 0; user < 400; user++) collector.recordMetric("metric-25", 1, { user });
    expect(seriesOf(25)).toHaveLength(400);
  });

  test("that are no finite numbers are dropped and counted; what is no number at all is refused", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) collector.recordMetric("m", value);
    expect(collector.getMetrics("m")).toEqual([]);
    expect(collector.getSummary().rejected).toBe(2);
    for (const [name, value] of [
      ["m", "5"],
      ["", 1],
      [5, 1],
      ["x".repeat(129), 1],
    ] as never[][])
      expect(() => collector.recordMetric(name as never, value as never)).toThrow(
        expect.objectContaining({ code: "invalid_option" }),
      );
  });

  test("begin anew after a clear", () => {
    collector.recordMetric("m", 1);
    const before = collector.getSummary().since;
    collector.clear();
    expect(collector.getMetrics().filter((metric) => !("value" in metric) || metric.value !== 0)).toEqual([]);
    expect(collector.getSummary().since.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });
});

describe("calls of models", () => {
  const call: LlmCall = {
    model: "claude-haiku-4-5",
    provider: "anthropic",
    method: "complete",
    inputTokens: 1_000,
    outputTokens: 200,
    cost: 0.002,
    isBilled: true,
    startedAt: new Date(),
    durationMs: 500,
    error: null,
    jobId: null,
    task: null,
  };

  test("are counted by model, with tokens, cost and durations", () => {
    notifyCall(call);
    notifyCall({ ...call, durationMs: 1_500, cost: 0.003 });
    const untold = { inputTokens: null, outputTokens: null, cost: null };
    notifyCall({ ...call, ...untold, isBilled: false, error: new Error("refused") });
    notifyCall({ ...call, model: "mine", cost: null });
    notifyCall({ ...call, ...untold, model: "cut", error: new Error("cut off midway") });
    const usage = collector.getModelUsage();
    expect(usage["claude-haiku-4-5"]).toEqual({
      calls: 3,
      failed: 1,
      errorRate: 1 / 3,
      inputTokens: 2_000,
      outputTokens: 400,
      cost: 0.005,
      knownCost: 0.005,
      unpricedCalls: 0,
      seconds: expect.objectContaining({ count: 3, max: 1.5 }),
    });
    expect(usage.mine).toMatchObject({ calls: 1, cost: null, knownCost: 0, unpricedCalls: 1 });
    expect(usage.cut).toMatchObject({ calls: 1, cost: null, unpricedCalls: 1 });
    expect(collector.getSummary().llm).toMatchObject({ calls: 5, cost: null, knownCost: 0.005, outputTokens: 600 });
  });
});

describe("requests", () => {
  test("to an App are recorded by themselves, by the route's pattern", async () => {
    const inner = new App({ logger: silent }).get("/users/:id", () => ({ ok: true }));
    const app = new App({ logger: silent })
      .get("/jobs/:jobId", ({ jobId }) => (jobId === "none" ? [{ error: "no" }, 404] : { jobId }))
      .get("/broken", () => {
        throw new Error("broken");
      })
      .mount("/admin", inner)
      .mount("/public", new App().get("/users/:id", () => ({ ok: true })).mount("/deep/er", inner))
      .mount("/raw", () => new Response("raw"));
    const client = new TestClient(app);
    for (const path of ["/jobs/1", "/jobs/2", "/jobs/none", "/broken", "/nowhere", "/raw/x"]) await client.get(path);
    for (const path of ["/admin/users/7", "/admin/x", "/public/users/7", "/public/deep/er/users/7"])
      await client.get(path);
    await app.fetch(new Request("http://x/jobs/1", { method: "PROPFIND" }));
    const counted = collector.getMetrics("rapidai_http_requests_total").map((metric) => {
      const { method, route, status } = metric.tags;
      return `${method} ${route} ${status}: ${"value" in metric && metric.value}`;
    });
    expect(counted.sort()).toEqual([
      "GET (none) 404: 1",
      "GET /admin/* 404: 1",
      "GET /admin/users/:id 200: 1",
      "GET /broken 500: 1",
      "GET /jobs/:jobId 200: 2",
      "GET /jobs/:jobId 404: 1",
      "GET /public/deep/er/users/:id 200: 1",
      "GET /public/users/:id 200: 1",
      "GET /raw/* 200: 1",
      "_OTHER (none) 405: 1",
    ]);
    expect(collector.getSummary().requests).toMatchObject({ total: 11, failed: 1, errorRate: 1 / 11 });
  });

  test("the newest of all is the last, however many went to other routes", () => {
    for (let count = 0; count < 300; count++)
      collector.recordRequest({ method: "GET", route: "/a", status: 200, durationMs: 1_000 });
    collector.recordRequest({ method: "GET", route: "/b", status: 200, durationMs: 9_000 });
    expect(collector.getSummary().requests.seconds?.last).toBe(9);
    collector.recordRequest({ method: "GET", route: "/a", status: 200, durationMs: 2_000 });
    expect(collector.getSummary().requests.seconds?.last).toBe(2);
  });

  test("of other servers can be recorded by hand", () => {
    collector.recordRequest({ method: "post", route: "/x", status: 503, durationMs: 250 });
    expect(collector.getSummary().requests).toMatchObject({ total: 1, failed: 1, seconds: { p50: 0.25 } });
  });
});

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
