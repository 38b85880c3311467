import type { JobMetrics, TaskMetrics } from "./job-metrics.ts";
import type { Cell, Metric } from "./metric.ts";
import type { Registry } from "./registry.ts";
import { type Distribution, Samples } from "./samples.ts";

/** What this process did with jobs since the collector was created or cleared. */
export interface JobSummary {
  readonly enqueued: number;
  /** Attempts started. */
  readonly started: number;
  readonly completed: number;
  /** Jobs that failed for good, not attempts. */
  readonly failed: number;
  /** Attempts that failed and were followed by another. */
  readonly retried: number;
  readonly cancelled: number;
  /** Attempts whose lease was lost, by this process or, as this process found out, by another worker. */
  readonly lost: number;
  /** Attempts running now. */
  readonly running: number;
  /** `failed` divided by `completed + failed`, from 0 to 1; `null` before the first. */
  readonly errorRate: number | null;
  /** How long jobs had been due when an attempt started. */
  readonly waitSeconds: Distribution | null;
  /** How long attempts ran, whatever their outcome. */
  readonly runSeconds: Distribution | null;
}

/** Requests answered since the collector was created or cleared. */
export interface RequestSummary {
  readonly total: number;
  /** Requests answered with a status of 500 or above. */
  readonly failed: number;
  /** `failed` divided by `total`, from 0 to 1; `null` before the first. */
  readonly errorRate: number | null;
  /** Time to the response's headers; `null` before the first. */
  readonly seconds: Distribution | null;
}

/** Usage of one model, or of all. */
export interface ModelUsage {
  readonly calls: number;
  readonly failed: number;
  /** `failed` divided by `calls`, from 0 to 1; `null` before the first. */
  readonly errorRate: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** In US dollars; `null` if the cost of any call is unknown. */
  readonly cost: number | null;
  /** In US dollars, of the calls whose cost is known. */
  readonly knownCost: number;
  /** Billed calls whose cost is unknown. */
  readonly unpricedCalls: number;
  /** Duration of the calls; `null` before the first. */
  readonly seconds: Distribution | null;
}

/** An overview of all metrics, ready for `JSON.stringify`. */
export interface Summary {
  /** When the collector was created or last cleared. */
  readonly since: Date;
  readonly jobs: JobSummary & { readonly byTask: Readonly<Record<string, JobSummary>> };
  readonly requests: RequestSummary;
  readonly llm: ModelUsage;
  /** Values that went to an overflow series or were dropped; above 0 only if there are too many metrics or tag values. */
  readonly overflowed: number;
  /** Values rejected because they were not finite numbers. */
  readonly rejected: number;
}

export function summaryOf(registry: Registry, jobs: JobMetrics, since: Date): Summary {
  const { tasks } = jobs;
  const byTask = Map.groupBy(tasks, ({ task }) => task);
  return {
    since,
    jobs: {
      ...jobSummaryOf(tasks),
      byTask: Object.fromEntries([...byTask].map(([task, ofTask]) => [task, jobSummaryOf(ofTask)])),
    },
    requests: requestSummaryOf(registry),
    llm: usageOf(registry, null),
    overflowed: total(registry.overflow),
    rejected: total(registry.rejected),
  };
}

/** Usage by model. */
export function modelUsageOf(registry: Registry): Record<string, ModelUsage> {
  const models = new Set(registry.llmCalls.series.map(({ tags }) => tags.model ?? ""));
  return Object.fromEntries([...models].map((model) => [model, usageOf(registry, model)]));
}

function jobSummaryOf(tasks: readonly TaskMetrics[]): JobSummary {
  const sum = (pick: (metrics: TaskMetrics) => Cell) => tasks.reduce((all, metrics) => all + pick(metrics).value, 0);
  const completed = sum((metrics) => metrics.completed);
  const failed = sum((metrics) => metrics.failed);
  return {
    enqueued: sum((metrics) => metrics.enqueued),
    started: sum((metrics) => metrics.started),
    completed,
    failed,
    retried: sum((metrics) => metrics.retried),
    cancelled: sum((metrics) => metrics.cancelled) + sum((metrics) => metrics.cancelledElsewhere),
    lost: sum((metrics) => metrics.lost),
    running: sum((metrics) => metrics.running),
    errorRate: rateOf(failed, completed + failed),
    waitSeconds: Samples.merge(tasks.map((metrics) => metrics.wait)).describe(),
    runSeconds: Samples.merge(tasks.flatMap((metrics) => [...metrics.runs.values()])).describe(),
  };
}

function requestSummaryOf({ requests, requestSeconds }: Registry): RequestSummary {
  const answered = total(requests);
  const failed = total(requests, ({ status }) => Number(status) >= 500);
  const seconds = Samples.merge(requestSeconds.series.map(({ value }) => value)).describe();
  return { total: answered, failed, errorRate: rateOf(failed, answered), seconds };
}

function usageOf({ llmCalls, llmTokens, llmCost, llmUnpriced, llmSeconds }: Registry, of: string | null): ModelUsage {
  const isOf = ({ model }: Readonly<Record<string, string>>) => of === null || model === of;
  const calls = total(llmCalls, isOf);
  const failed = total(llmCalls, (tags) => isOf(tags) && tags.outcome === "failed");
  const tokens = (direction: string) => total(llmTokens, (tags) => isOf(tags) && tags.direction === direction);
  const knownCost = total(llmCost, isOf);
  const unpricedCalls = total(llmUnpriced, isOf);
  return {
    calls,
    failed,
    errorRate: rateOf(failed, calls),
    inputTokens: tokens("input"),
    outputTokens: tokens("output"),
    cost: unpricedCalls > 0 ? null : knownCost,
    knownCost,
    unpricedCalls,
    seconds: Samples.merge(llmSeconds.series.filter(({ tags }) => isOf(tags)).map(({ value }) => value)).describe(),
  };
}

function total(
  metric: Metric<Cell>,
  isWanted: (tags: Readonly<Record<string, string>>) => boolean = () => true,
): number {
  return metric.series.reduce((sum, { tags, value }) => (isWanted(tags) ? sum + value.value : sum), 0);
}

function rateOf(part: number, all: number): number | null {
  return all === 0 ? null : part / all;
}
