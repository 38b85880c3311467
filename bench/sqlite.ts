import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printPages } from "./listing.ts";
import { type Durability, drainBare } from "./peers/bare-sqlite.ts";
import { drain, sqliteQueue } from "./peers/sqlite.ts";
import { ratio, spread, table } from "./report.ts";
import { byTurns, quantile } from "./rounds.ts";
import { inLanes, payloads } from "./workload.ts";

const JOBS = 20_000;
const ROUNDS = 5;

let files = 0;
/** Calls `use` with the path of a file that does not exist yet, and removes the file afterwards. */
async function withFile<T>(use: (path: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-bench-"));
  try {
    return await use(join(folder, `${files++}.db`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The queue in a file, compared with a bare loop on the same disk. */
export async function sqlite(): Promise<void> {
  await drains();
  await ceilings();
  await enqueues();
}

async function drains(): Promise<void> {
  const jobs = payloads(JOBS);
  const heldMs: number[] = [];
  const ours = (durability: Durability) => () =>
    withFile(async (path) => {
      const { queue, task } = await sqliteQueue(path, durability);
      await task.enqueueMany(jobs);
      const stop = watchLoop(heldMs);
      const figure = await drain(queue);
      stop();
      await queue.close();
      return figure;
    });
  const bare = (durability: Durability, isIndexed: boolean) => () =>
    withFile((path) => drainBare(path, jobs, durability, { isIndexed }));
  const figures = await byTurns(
    {
      "rapidai, full": ours("full"),
      "bare loop with the indexes, full": bare("full", true),
      "bare loop, full": bare("full", false),
      "rapidai, normal": ours("normal"),
      "bare loop with the indexes, normal": bare("normal", true),
      "bare loop, normal": bare("normal", false),
    },
    ROUNDS,
  );
  console.log(
    `\n## Drain of ${JOBS.toLocaleString("en")} waiting jobs in SQLite, concurrency 100, ${ROUNDS} alternating rounds\n`,
  );
  table(
    ["", "jobs, median (range)", "vs. bare loop", "vs. bare loop with the indexes"],
    Object.entries(figures).map(([name, figure]) => {
      const durability = name.endsWith("full") ? "full" : "normal";
      const of = (peer: "bare loop" | "bare loop with the indexes") => ratio(figure, figures[`${peer}, ${durability}`]);
      return [name, spread(figure), of("bare loop"), of("bare loop with the indexes")];
    }),
  );
  heldMs.sort((a, b) => a - b);
  const held = (share: number) => `${quantile(heldMs, share).toFixed(1)} ms`;
  console.log(`\nThe event loop was blocked for ${held(0.99)} at p99, ${held(1)} at most.`);
}

/** The bare loops with other batch sizes than the queue's. */
async function ceilings(): Promise<void> {
  const jobs = payloads(JOBS);
  const rows: string[][] = [];
  for (const batch of [64, 512]) {
    const bare = (durability: Durability, isIndexed: boolean) => () =>
      withFile((path) => drainBare(path, jobs, durability, { isIndexed, batch }));
    const figures = await byTurns(
      {
        "with the indexes, full": bare("full", true),
        full: bare("full", false),
        "with the indexes, normal": bare("normal", true),
        normal: bare("normal", false),
      },
      ROUNDS,
    );
    for (const [name, figure] of Object.entries(figures)) rows.push([`${batch}`, name, spread(figure)]);
  }
  console.log(`\n## Bare loops in batches of 64 and 512, ${ROUNDS} alternating rounds\n`);
  table(["batch", "", "jobs, median (range)"], rows);
}

/** Records how long each turn of the event loop takes. */
function watchLoop(heldMs: number[]): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    heldMs.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  return () => clearInterval(timer);
}

async function enqueues(): Promise<void> {
  const jobs = payloads(JOBS);
  const timed = (durability: Durability, isBulk: boolean) => () =>
    withFile(async (path) => {
      const { queue, task } = await sqliteQueue(path, durability);
      const startedAt = performance.now();
      if (isBulk) await task.enqueueMany(jobs);
      else await inLanes(jobs, 100, (job) => task.enqueue(job));
      const elapsedMs = performance.now() - startedAt;
      await queue.close();
      return (JOBS / elapsedMs) * 1_000;
    });
  const figures = await byTurns(
    {
      "in bulk, full": timed("full", true),
      "in bulk, normal": timed("normal", true),
      "one by one, 100 under way, full": timed("full", false),
      "one by one, 100 under way, normal": timed("normal", false),
    },
    ROUNDS,
  );
  console.log(`\n## Enqueue of ${JOBS.toLocaleString("en")} jobs in SQLite, ${ROUNDS} alternating rounds\n`);
  table(
    ["", "jobs, median (range)"],
    Object.entries(figures).map(([name, figure]) => [name, spread(figure)]),
  );
}

/** The effect of many jobs in the file: a long backlog, and a listing of a million jobs. */
export async function backlog(): Promise<void> {
  const few = 1_000;
  const many = 500_000;
  const drained = 20_000;
  const withBacklog = (waiting: number) => () =>
    withFile(async (path) => {
      const { queue, task } = await sqliteQueue(path, "full");
      await task.enqueueMany(payloads(waiting + drained));
      const figure = await drain(queue, waiting);
      await queue.close();
      return figure;
    });
  const figures = await byTurns({ [`${few}`]: withBacklog(few), [`${many}`]: withBacklog(many) }, 3);
  console.log(
    `\n## Drain of ${drained.toLocaleString("en")} jobs in SQLite before a backlog, full, 3 alternating rounds\n`,
  );
  table(
    ["jobs left waiting", "jobs, median (range)"],
    Object.entries(figures).map(([name, figure]) => [Number(name).toLocaleString("en"), spread(figure)]),
  );
  await withFile(lists);
}

async function lists(path: string): Promise<void> {
  const kept = 1_000_000;
  const { queue, task } = await sqliteQueue(path, "normal");
  const jobs = payloads(100_000);
  await task.enqueueMany(jobs);
  await drain(queue);
  const perKept = statSync(path).size / 100_000;
  for (let stored = jobs.length; stored < kept; stored += jobs.length) await task.enqueueMany(jobs, { delay: "1d" });
  console.log(`\n## The newest 100 of ${kept.toLocaleString("en")} jobs in SQLite\n`);
  await printPages(queue, {
    all: {},
    "by status": { status: "completed" },
    "by task": { task: "noop" },
    "by status and task": { status: "pending", task: "noop" },
  });
  await queue.close();
  console.log(`\nA kept job takes ${perKept.toFixed(0)} bytes of the file.`);
}
