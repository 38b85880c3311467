import { JOB_STATUSES } from "../background/core/status.ts";
import type { StatusCounts } from "../background/core/store.ts";
import { type Counts, countsOf } from "../background/engine/counts.ts";
import type { Health } from "../background/engine/health.ts";
import type { OldestDue } from "../background/engine/oldest-due.ts";

/** The media type of the text exposition format, version 0.0.4. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Most tasks with series of their own: those with the most jobs. */
const MAX_TASKS = 1_000;
/** The name under which all further tasks are counted together. */
const OVERFLOW = "_overflow";

/** A queue's metrics as Prometheus text. `counts` and `due` are `null` if the store could not be reached in time. */
export function prometheusText(counts: Counts | null, due: readonly OldestDue[] | null, health: Health): string {
  const store = { store: health.store };
  const tasks = tasksOf(counts, due);
  const jobs = tasks.flatMap(({ task, byStatus }) =>
    JOB_STATUSES.map((status) => sample("rapidai_queue_jobs", { task, status }, byStatus[status])),
  );
  // All tasks that have jobs, so that a series falls to 0 and does not end at its last value.
  const oldest = (due === null ? [] : tasks).map(({ task, waitMs }) =>
    sample("rapidai_queue_oldest_due_seconds", { task }, waitMs / 1_000),
  );
  const slots = health.workers.reduce((sum, worker) => sum + worker.slots, 0);
  // While the store is unreachable the number of workers is unknown, and a 0 would raise a false alarm.
  const known = (value: number) => (health.isHealthy ? value : null);
  return [
    ...family("rapidai_queue_jobs", "Stored jobs, by task and status.", jobs),
    ...family(
      "rapidai_queue_oldest_due_seconds",
      "How long the pending job that has been due longest has waited, by task; 0 if none is due.",
      oldest,
    ),
    ...gauge("rapidai_queue_workers", "Live workers, in all processes.", {}, known(health.workers.length)),
    ...gauge("rapidai_queue_worker_slots", "Jobs that these workers can run at a time.", {}, known(slots)),
    ...gauge("rapidai_queue_healthy", "1 if jobs can be claimed, else 0.", store, health.isHealthy ? 1 : 0),
    ...gauge("rapidai_queue_latency_seconds", "How long the store took to answer.", store, health.latencyMs / 1_000),
    "",
  ].join("\n");
}

interface TaskFigures {
  readonly task: string;
  readonly byStatus: StatusCounts;
  /** For how long its oldest due job has waited. */
  readonly waitMs: number;
}

function tasksOf(counts: Counts | null, due: readonly OldestDue[] | null): readonly TaskFigures[] {
  const waits = new Map(due?.map(({ task, waitMs }) => [task, waitMs]));
  const all = Object.entries(counts?.byTask ?? {}).map(([task, byStatus]): TaskFigures => {
    return { task, byStatus, waitMs: waits.get(task) ?? 0 };
  });
  if (all.length <= MAX_TASKS) return all;
  const bySize = all.sort((a, b) => sizeOf(b) - sizeOf(a));
  const others = bySize.slice(MAX_TASKS);
  const { byStatus } = countsOf({ tasks: new Map(others.map((other) => [other.task, other.byStatus])) });
  const waitMs = others.reduce((longest, other) => Math.max(longest, other.waitMs), 0);
  return [...bySize.slice(0, MAX_TASKS), { task: OVERFLOW, byStatus, waitMs }];
}

function sizeOf({ task, byStatus }: TaskFigures): number {
  // Otherwise its series could be there twice.
  if (task === OVERFLOW) return -1;
  return JOB_STATUSES.reduce((sum, status) => sum + byStatus[status], 0);
}

type Labels = Readonly<Record<string, string>>;

/** Has no sample if the value is unknown. */
function gauge(name: string, help: string, labels: Labels, value: number | null): string[] {
  return family(name, help, value === null ? [] : [sample(name, labels, value)]);
}

function family(name: string, help: string, samples: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples];
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
