import { onAnswered, type RequestAnswered } from "../app/answered.ts";
import { JobError } from "../background/core/errors.ts";
import { observe } from "../background/engine/observer.ts";
import { type LlmCall, onLlmCall } from "../llm/calls.ts";
import { JobMetrics } from "./job-metrics.ts";
import type { MetricKind, Tags } from "./metric.ts";
import { instrumentIfInstalled } from "./open-telemetry.ts";
import { exposition } from "./prometheus.ts";
import { type AnyMetric, OTHER_METRICS, Registry } from "./registry.ts";
import { type Distribution, Samples } from "./samples.ts";
import { type ModelUsage, modelUsageOf, type Summary, summaryOf } from "./summary.ts";

/** One series of a metric, at the time of the call. */
export type MetricSnapshot =
  | { readonly name: string; readonly kind: "counter" | "gauge"; readonly tags: Tags; readonly value: number }
  | ({ readonly name: string; readonly kind: "histogram" | "summary"; readonly tags: Tags } & Distribution);

/** Tags of a recorded value. Use tags with few distinct values: a customer's plan, not the customer. */
export type MetricTags = Readonly<Record<string, string | number | boolean | undefined>>;

/** Methods recorded as they are; clients may send any text as a method. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);

/** A request that has been answered. */
export interface RecordedRequest {
  readonly method: string;
  /** The route's pattern, `"/jobs/:jobId"`, not the path itself: each distinct value makes a series. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/**
 * Metrics of this process. Jobs, requests to an `App` and calls of an `LLM` are recorded automatically; a program can
 * record metrics of its own. Memory is bounded: 200 metrics of the program's own with 10,000 series in total, and for
 * each metric 500 series, plus one for everything beyond.
 */
export class Collector {
  readonly #registry: Registry = new Registry((metric) => this.#warn(metric));
  readonly #jobs: JobMetrics = new JobMetrics(this.#registry);
  #since = new Date();
  #hasWarned = false;

  /** Use {@link getCollector}. */
  constructor() {
    observe(this.#jobs.observer);
    onLlmCall((call) => this.#recordCall(call));
    onAnswered((answered) => this.#recordAnswered(answered));
    instrumentIfInstalled();
  }

  /**
   * Records a value of a metric of the program's own: 1 to count an event, or a measurement.
   *
   * The metric keeps count, sum and percentiles. NaN and infinities are only counted as rejected.
   *
   * @throws JobError `invalid_option` if the name is not a string of 1 to 128 characters, or the value not a number
   * @example
   * ```ts
   * getCollector().recordMetric("pages.read", 12, { kind: "pdf" });
   * ```
   */
  recordMetric(name: string, value: number, tags: MetricTags = {}): void {
    if (typeof name !== "string" || name === "" || name.length > 128) {
      throw new JobError("invalid_option", "recordMetric() needs a name of 1 to 128 characters.");
    }
    if (typeof value !== "number") {
      throw new JobError(
        "invalid_option",
        `The value of the metric '${name}' must be a number, not a value of type ${typeof value}.`,
      );
    }
    if (Number.isFinite(value))
      this.#registry
        .custom(name)
        ?.of(tags ?? {})
        .add(value);
    else this.#registry.rejected.of({ metric: name }).value++;
  }

  /**
   * Records a request. An `App` does this automatically; call it for requests that another server answers.
   *
   * @example
   * ```ts
   * getCollector().recordRequest({ method: "GET", route: "/jobs/:jobId", status: 200, durationMs: 12 });
   * ```
   */
  recordRequest({ method, route, status, durationMs }: RecordedRequest): void {
    const known = String(method).toUpperCase();
    const tags = { method: METHODS.has(known) ? known : "_OTHER", route: String(route) };
    this.#registry.requests.of({ ...tags, status: String(status) }).value++;
    if (Number.isFinite(durationMs)) this.#registry.requestSeconds.of(tags).add(Math.max(0, durationMs) / 1_000);
  }

  /** Returns all series, or those of one metric. */
  getMetrics(name?: string): MetricSnapshot[] {
    const wanted = this.#registry.all.filter((metric) => name === undefined || metric.name === name);
    return wanted.flatMap((metric) => snapshotsOf(metric));
  }

  /** Returns totals, error rates, percentiles and cost since the collector was created or cleared. */
  getSummary(): Summary {
    return summaryOf(this.#registry, this.#jobs, new Date(this.#since));
  }

  /** Returns calls, tokens, cost and durations by model. */
  getModelUsage(): Record<string, ModelUsage> {
    return modelUsageOf(this.#registry);
  }

  /** Returns all metrics in Prometheus's text format. Serve it as `GET /metrics` with `PROMETHEUS_CONTENT_TYPE`. */
  prometheus(): string {
    return exposition(this.#registry.all);
  }

  /** Resets all metrics, except that running attempts remain counted as running. */
  clear(): void {
    this.#registry.clear();
    this.#jobs.clear();
    this.#since = new Date();
    this.#hasWarned = false;
  }

  #recordAnswered({ method, route, status, durationMs }: RequestAnswered): void {
    this.recordRequest({ method, route: route ?? "(none)", status, durationMs });
  }

  #recordCall({ model, method, inputTokens, outputTokens, cost, isBilled, durationMs, error }: LlmCall): void {
    const { llmCalls, llmTokens, llmCost, llmUnpriced, llmSeconds } = this.#registry;
    llmCalls.of({ model, method, outcome: error === null ? "completed" : "failed" }).value++;
    llmTokens.of({ model, direction: "input" }).value += inputTokens ?? 0;
    llmTokens.of({ model, direction: "output" }).value += outputTokens ?? 0;
    // A refused call is not billed, so that its cost is not missing.
    if (cost !== null) llmCost.of({ model }).value += cost;
    else if (isBilled) llmUnpriced.of({ model }).value++;
    llmSeconds.of({ model, method }).add(durationMs / 1_000);
  }

  #warn(metric: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message =
      metric === OTHER_METRICS
        ? "The program has recorded too many different metrics: values of further ones are dropped, see rapidai_collector_overflow_total. Use few names, and tags for what varies."
        : `The metric ${metric} has too many combinations of tag values: further ones are counted together, see rapidai_collector_overflow_total. Use tags with few values each.`;
    process.emitWarning(message, "RapidAIWarning");
  }
}

function snapshotsOf({ name, kind, series }: AnyMetric): MetricSnapshot[] {
  return series.flatMap(({ tags, value }): MetricSnapshot[] => {
    if (!(value instanceof Samples)) return [{ name, kind: kind as "counter" | "gauge", tags, value: value.value }];
    const distribution = value.describe();
    return distribution === null
      ? []
      : [{ name, kind: kind as Exclude<MetricKind, "counter" | "gauge">, tags, ...distribution }];
  });
}

let collector: Collector | undefined;

/**
 * Returns the collector of this process. The first call creates it; from then on jobs, LLM calls and an App's requests
 * are recorded automatically. If `@opentelemetry/api` is installed, it also does what `instrument` does.
 *
 * @example
 * ```ts
 * const { jobs } = getCollector().getSummary();
 * console.log(jobs.completed, jobs.errorRate, jobs.runSeconds?.p95);
 * ```
 */
export function getCollector(): Collector {
  collector ??= new Collector();
  return collector;
}
