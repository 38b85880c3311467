import type { AttemptEnd, Observer } from "../background/engine/observer.ts";
import { type Cell, OVERFLOW } from "./metric.ts";
import type { Registry } from "./registry.ts";
import type { Samples } from "./samples.ts";

/** The metrics of one task on one queue. */
export interface TaskMetrics {
  readonly queue: string;
  readonly task: string;
  readonly enqueued: Cell;
  readonly started: Cell;
  readonly completed: Cell;
  readonly failed: Cell;
  readonly retried: Cell;
  readonly cancelled: Cell;
  readonly cancelledElsewhere: Cell;
  readonly lost: Cell;
  readonly running: Cell;
  readonly wait: Samples;
  /** Run times of attempts with this outcome. The series is created on first use. */
  readonly run: (outcome: AttemptEnd["outcome"]) => Samples;
  readonly runs: Map<AttemptEnd["outcome"], Samples>;
}

/** How many pairs of queue and task have metrics of their own; further ones share one set per queue. */
const MAX_TASKS = 80;

/** Records what this process's queues do, by queue and task. */
export class JobMetrics {
  readonly #registry: Registry;
  #tasks = new Map<string, TaskMetrics>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get tasks(): readonly TaskMetrics[] {
    return [...this.#tasks.values()];
  }

  /** Call after clearing the registry. The gauges of running attempts keep their values: they describe the present. */
  clear(): void {
    const before = this.tasks;
    this.#tasks = new Map();
    for (const { queue, task, running } of before) {
      if (running.value > 0) this.#of(queue, task).running.value = running.value;
    }
  }

  readonly observer: Observer = {
    enqueued: ({ queue, task }) => void this.#of(queue, task).enqueued.value++,
    completed: ({ queue, task }) => void this.#of(queue, task).completed.value++,
    failed: ({ queue, task }) => void this.#of(queue, task).failed.value++,
    retrying: ({ queue, task }) => void this.#of(queue, task).retried.value++,
    cancelled: ({ queue, task, isOwn }) => {
      const { cancelled, cancelledElsewhere } = this.#of(queue, task);
      (isOwn ? cancelled : cancelledElsewhere).value++;
    },
    lost: ({ queue, task }) => void this.#of(queue, task).lost.value++,
    error: ({ queue }) => void this.#registry.queueErrors.of({ queue }).value++,
    attempting: ({ queue, task, waitMs }) => {
      const metrics = this.#of(queue, task);
      metrics.started.value++;
      metrics.running.value++;
      metrics.wait.add(Math.max(0, waitMs) / 1_000);
      return {
        ended: ({ outcome, durationMs }) => {
          // Looked up again because clear() replaces the metrics, and by the task under which the start was counted:
          // after a clear, a task that was in the overflow may have metrics of its own.
          const { running, run } = this.#of(queue, metrics.task);
          running.value--;
          run(outcome).add(Math.max(0, durationMs) / 1_000);
        },
      };
    },
  };

  #of(queue: string, task: string): TaskMetrics {
    const key = `${queue} ${task}`;
    return this.#tasks.get(key) ?? this.#add(key, queue, task);
  }

  #add(key: string, queue: string, task: string): TaskMetrics {
    if (this.#tasks.size >= MAX_TASKS && task !== OVERFLOW) {
      this.#registry.overflowed("rapidai_jobs");
      return this.#of(queue, OVERFLOW);
    }
    const { jobs, running, wait, run, queueErrors } = this.#registry;
    // Counters begin at 0, since a rate misses the first value of a series.
    queueErrors.of({ queue });
    const tags = { queue, task };
    const runs = new Map<AttemptEnd["outcome"], Samples>();
    const metrics: TaskMetrics = {
      ...tags,
      enqueued: jobs.enqueued.of(tags),
      started: jobs.started.of(tags),
      completed: jobs.completed.of(tags),
      failed: jobs.failed.of(tags),
      retried: jobs.retried.of(tags),
      cancelled: jobs.cancelled.of({ ...tags, origin: "here" }),
      cancelledElsewhere: jobs.cancelled.of({ ...tags, origin: "elsewhere" }),
      lost: jobs.lost.of(tags),
      running: running.of(tags),
      wait: wait.of(tags),
      runs,
      run: (outcome) => {
        const known = runs.get(outcome) ?? run.of({ ...tags, outcome });
        runs.set(outcome, known);
        return known;
      },
    };
    this.#tasks.set(key, metrics);
    return metrics;
  }
}
