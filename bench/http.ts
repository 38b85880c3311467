import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { background, type JobQueue, newJobId, type QueueOptions, RedisQueue, SqliteQueue } from "rapidai/background";
import { type JobsApi, jobsApi } from "rapidai/http";
import { startRedis } from "../test/redis/server.ts";
import { ms, spread, table } from "./report.ts";
import { byTurns, type Spread, spreadOf, timed } from "./rounds.ts";
import { CONCURRENCY, payloads } from "./workload.ts";

/** Fewer jobs give a quick result, `KEPT=100000 npm run bench -- http`; 0 leaves out the routes. */
const KEPT = Number(process.env.KEPT ?? 1_000_000);
const CALLS = Number(process.env.CALLS ?? 100);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const DRAINED = 20_000;
const VIEWERS = 50;
const PAGE = 10_000;
const URL_BASE = "http://localhost/";

type OpenQueue = (options: QueueOptions) => JobQueue;

/** Latency of the routes with many stored jobs, and how much viewers of live streams slow down workers. */
export async function http(): Promise<void> {
  if (KEPT > 0) await onEachBackend(routes);
  await onEachBackend(viewers);
}

async function onEachBackend(measure: (name: string, open: OpenQueue) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-bench-"));
  try {
    await measure("SQLite", (options) => new SqliteQueue({ ...options, path: join(folder, "jobs.db") }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const server = await startRedis();
  try {
    await measure("Redis", (options) => new RedisQueue({ ...options, url: server.url }));
  } finally {
    await server.stop();
  }
}

const TASKS = ["send-email", "resize-image", "embed", "report", "import"];

async function routes(name: string, open: OpenQueue): Promise<void> {
  const queue = open({ concurrency: CONCURRENCY, retention: false });
  const api = apiOf(queue);
  const waiting = await fill(queue);
  const [middle] = await queue.listJobs({ status: "completed", limit: 1, before: newJobId() });
  const done = middle?.jobId ?? "";
  const paths: Readonly<Record<string, string>> = {
    "list, the newest": "jobs",
    "list, completed": "jobs?status=completed",
    "list, by task and status, with a cursor": `jobs?task=embed&status=completed&before=${done}`,
    "list, an hour": `jobs?from=${Date.now() - 3_600_000}&to=${Date.now()}`,
    "search that finds nothing, up to 50 ms": "jobs?search=nowhere",
    "one job": `jobs/${done}`,
    "why it does not run": `jobs/${waiting}/explain`,
    counts: "counts",
    health: "health",
    tasks: "tasks",
    "points for charts": "stats",
    metrics: "metrics",
  };
  const rows: string[][] = [];
  for (const [what, path] of Object.entries(paths)) {
    rows.push([what, ...(await timed(() => ask(api, path), CALLS)).map(ms)]);
  }
  const cancel = () => ask(api, "jobs/cancel", { task: "report", limit: 100, status: "pending" });
  rows.push(["cancel 100 by filter", ...(await timed(cancel, CALLS / 5)).map(ms)]);
  api.close();
  await queue.close();
  console.log(`\n## Routes with ${KEPT.toLocaleString("en")} jobs kept in ${name}, ${CALLS} calls each\n`);
  table(["route", "p50", "p95"], rows);
}

/** Stores jobs, of which only a tenth runs, since a million would take too long. Resolves with a pending job. */
async function fill(queue: JobQueue): Promise<string> {
  const jobs = payloads(PAGE);
  const tasks = TASKS.map((name) => background({ queue, name }, async (_: unknown) => {}));
  for (let stored = 0; stored < KEPT * 0.1; stored += PAGE) {
    await tasks[(stored / PAGE) % TASKS.length]?.enqueueMany(jobs);
  }
  await untilIdle(queue, 0);
  let last: readonly string[] = [];
  for (let stored = 0; stored < KEPT * 0.9; stored += PAGE) {
    last = (await tasks[(stored / PAGE) % TASKS.length]?.enqueueMany(jobs, { delay: "1d" })) ?? [];
  }
  return last[0] as string;
}

async function viewers(name: string, open: OpenQueue): Promise<void> {
  const queue = open({ concurrency: CONCURRENCY });
  const task = background({ queue, name: "noop" }, async (_: unknown) => {});
  await queue.stop();
  const jobs = payloads(DRAINED);
  // On a shared machine, CPU time says more than elapsed time.
  const cpuMs: [number[], number[]] = [[], []];
  const drain = (count: number) => async () => {
    const api = apiOf(queue);
    const [watched = ""] = await task.enqueueMany(jobs);
    const leave = new AbortController();
    const streams = Array.from({ length: count }, (_, n) =>
      view(api, n % 2 === 0 ? "events" : `jobs/${watched}/events`, leave.signal),
    );
    await pause(100);
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    await queue.start();
    await untilIdle(queue, 0);
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    cpuMs[count > 0 ? 1 : 0]?.push((user + system) / 1_000);
    leave.abort();
    await Promise.all(streams);
    api.close();
    await queue.stop();
    return elapsedMs;
  };
  const figures = await byTurns({ none: drain(0), some: drain(VIEWERS) }, ROUNDS);
  await queue.close();
  console.log(
    `\n## Drain of ${DRAINED.toLocaleString("en")} jobs in ${name} while viewers look at live streams of the same process, ${ROUNDS} alternating rounds\n`,
  );
  // The first round is a warm-up.
  const [without, with_] = cpuMs.map((times) => spreadOf(times.slice(1))) as [Spread, Spread];
  const shown = (figure: Spread) => spread(figure, (time) => `${Math.round(time)} ms`);
  const more = (figure: Spread, base: Spread) => `${((figure.median / base.median - 1) * 100).toFixed(1)} %`;
  table(
    ["viewers", "drain, median (range)", "more", "of which computing", "more"],
    [
      ["none", shown(figures.none), "", shown(without), ""],
      [`${VIEWERS}`, shown(figures.some), more(figures.some, figures.none), shown(with_), more(with_, without)],
    ],
  );
}

function apiOf(queue: JobQueue): JobsApi {
  return jobsApi({ queue, limits: { rate: { perSecond: 1_000_000, burst: 1_000_000 }, timeout: "60s" } });
}

async function ask(api: JobsApi, path: string, body?: object): Promise<void> {
  const change = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await api(new Request(URL_BASE + path, change ?? {}));
  await response.text();
  if (!response.ok) throw new Error(`${path} returned ${response.status}.`);
}

/** Reads a stream until the signal is aborted. */
async function view(api: JobsApi, path: string, signal: AbortSignal): Promise<void> {
  const { body } = await api(new Request(URL_BASE + path, { signal }));
  const reader = body?.getReader();
  signal.addEventListener("abort", () => void reader?.cancel());
  for (let isDone = reader === undefined; !isDone; ) isDone = (await reader?.read())?.done ?? true;
}

async function untilIdle(queue: JobQueue, left: number): Promise<void> {
  for (;;) {
    const { pending, running } = (await queue.counts()).byStatus;
    if (pending + running <= left) return;
    await pause(5);
  }
}
