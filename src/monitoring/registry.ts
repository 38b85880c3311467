import { type Cell, Metric, type MetricKind } from "./metric.ts";
import { Samples } from "./samples.ts";

/** Bucket boundaries in seconds, from an empty job to a nightly batch. */
export const SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
];
/** Most metrics of the program's own. */
const MAX_CUSTOM = 200;
/** The name under which values of further ones are counted as overflow. */
export const OTHER_METRICS = "_custom";
/** Most series of all metrics of the program's own together. */
const MAX_CUSTOM_SERIES = 10_000;

export type AnyMetric = Metric<Cell> | Metric<Samples>;

/** All metrics: those recorded automatically, and the program's own. */
export class Registry {
  readonly #all: AnyMetric[] = [];
  readonly #custom = new Map<string, Metric<Samples>>();
  readonly #onOverflow: (metric: string) => void;

  readonly overflow: Metric<Cell> = this.#counter(
    "rapidai_collector_overflow_total",
    "Values for which there was no room for another series or metric, by metric.",
  );
  readonly rejected: Metric<Cell> = this.#counter(
    "rapidai_collector_rejected_total",
    "Values that were not finite numbers and were dropped, by metric.",
  );
  readonly jobs: Readonly<
    Record<"enqueued" | "started" | "completed" | "failed" | "retried" | "cancelled" | "lost", Metric<Cell>>
  > = {
    enqueued: this.#counter("rapidai_jobs_enqueued_total", "Jobs that this process stored."),
    started: this.#counter("rapidai_jobs_started_total", "Attempts that started in this process."),
    completed: this.#counter("rapidai_jobs_completed_total", "Jobs that completed in this process."),
    failed: this.#counter("rapidai_jobs_failed_total", "Jobs that failed for good in this process."),
    retried: this.#counter("rapidai_jobs_retried_total", "Attempts that failed and will be retried."),
    cancelled: this.#counter(
      "rapidai_jobs_cancelled_total",
      "Jobs cancelled by this process (origin here), or by another while they ran in this one (elsewhere).",
    ),
    lost: this.#counter(
      "rapidai_jobs_lost_total",
      "Leases that this process lost, or found that another worker had lost.",
    ),
  };
  readonly running: Metric<Cell> = this.#cells(
    "rapidai_jobs_running",
    "gauge",
    "Attempts now running in this process.",
  );
  readonly wait: Metric<Samples> = this.#seconds(
    "rapidai_job_wait_seconds",
    "How long jobs had been due when an attempt started.",
  );
  readonly run: Metric<Samples> = this.#seconds("rapidai_job_run_seconds", "How long attempts ran, by how they ended.");
  readonly queueErrors: Metric<Cell> = this.#counter(
    "rapidai_queue_errors_total",
    "Errors in the background, which no caller received, such as an unreachable backend.",
  );
  readonly requests: Metric<Cell> = this.#counter("rapidai_http_requests_total", "Requests answered.");
  readonly requestSeconds: Metric<Samples> = this.#seconds(
    "rapidai_http_request_seconds",
    "From a request to its response's headers.",
  );
  readonly llmCalls: Metric<Cell> = this.#counter("rapidai_llm_calls_total", "Model calls, by how they ended.");
  readonly llmTokens: Metric<Cell> = this.#counter("rapidai_llm_tokens_total", "Tokens that models read and wrote.");
  readonly llmCost: Metric<Cell> = this.#counter(
    "rapidai_llm_cost_dollars_total",
    "Cost of the calls with a known price, in US dollars.",
  );
  readonly llmUnpriced: Metric<Cell> = this.#counter(
    "rapidai_llm_unpriced_calls_total",
    "Calls whose cost is not known and not included in the total.",
  );
  readonly llmSeconds: Metric<Samples> = this.#seconds("rapidai_llm_call_seconds", "How long model calls took.");

  /** @param onOverflow called when a value goes to an overflow series, or is dropped */
  constructor(onOverflow: (metric: string) => void) {
    this.#onOverflow = onOverflow;
  }

  /** In order of creation, the program's own last. */
  get all(): readonly AnyMetric[] {
    return [...this.#all, ...this.#custom.values()];
  }

  /** A metric of the program's own; `undefined` when there is no room for another. */
  custom(name: string): Metric<Samples> | undefined {
    const known = this.#custom.get(name);
    if (known !== undefined) return known;
    if (this.#custom.size >= MAX_CUSTOM) {
      this.overflowed(OTHER_METRICS);
      return undefined;
    }
    const help = `Recorded by the program as ${name}.`;
    const metric = new Metric(
      name,
      "summary",
      help,
      () => new Samples([]),
      (full) => this.overflowed(full),
      () => this.#customSeries >= MAX_CUSTOM_SERIES,
    );
    this.#custom.set(name, metric);
    return metric;
  }

  get #customSeries(): number {
    let series = 0;
    for (const { size } of this.#custom.values()) series += size;
    return series;
  }

  overflowed(metric: string): void {
    this.overflow.of({ metric }).value++;
    this.#onOverflow(metric);
  }

  clear(): void {
    this.#custom.clear();
    for (const metric of this.#all) metric.clear();
  }

  #counter(name: string, help: string): Metric<Cell> {
    return this.#cells(name, "counter", help);
  }

  #cells(name: string, kind: MetricKind, help: string): Metric<Cell> {
    return this.#add(
      new Metric<Cell>(
        name,
        kind,
        help,
        () => ({ value: 0 }),
        (full) => this.overflowed(full),
      ),
    );
  }

  #seconds(name: string, help: string): Metric<Samples> {
    const make = () => new Samples(SECONDS);
    return this.#add(new Metric<Samples>(name, "histogram", help, make, (full) => this.overflowed(full)));
  }

  #add<M extends AnyMetric>(metric: M): M {
    this.#all.push(metric);
    return metric;
  }
}
