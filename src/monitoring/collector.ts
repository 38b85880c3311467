import { onAnswered, type RequestAnswered } from "../app/answered.ts";
import { JobError } from "../background/core/errors.ts";
import { observe } from "../background/engine/observer.ts";
import { type LlmCall, onLlmCall } from "../llm/calls.ts";
import { JobMetrics } from "./job-metrics.ts";
import type { MetricKind, Tags } from "./metric.ts";
import { instrumentIfThere } from "./open-telemetry.ts";
import { exposition } from "./prometheus.ts";
import { type AnyMetric, OTHER_METRICS, Registry } from "./registry.ts";
import { type Distribution, Samples } from "./samples.ts";
import { type ModelUsage, modelUsageOf, type Summary, summaryOf } from "./summary.ts";

/** One series of a metric, as it is now. */
export type MetricSnapshot =
  | { readonly name: string; readonly kind: "counter" | "gauge"; readonly tags: Tags; readonly value: number }
  | ({ readonly name: string; readonly kind: "histogram" | "summary"; readonly tags: Tags } & Distribution);

/** What a metric's value belongs to: few values each, such as a customer's plan and not the customer. */
export type MetricTags = Readonly<Record<string, string | number | boolean | undefined>>;

/** A client can send any other. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);

/** A request that was answered. */
export interface RecordedRequest {
  readonly method: string;
  /** The path's pattern, `"/jobs/:jobId"`, and not the path: each one is a series of its own. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/**
 * Metrics of this process: jobs, requests to an `App` and calls of an `LLM` by themselves, and whatever the program
 * records. Bounded, whatever is recorded: 200 metrics of the program's own, of each 500 series and one for the rest, and
 * 10,000 series of them all.
 */
export class Collector {
  readonly #registry: Registry = new Registry((metric) => this.#warn(metric));
  readonly #jobs: JobMetrics = new JobMetrics(this.#registry);
  #since = new Date();
  #hasWarned = false;

  /** Made by {@link getCollector}. */
  constructor() {
    observe(this.#jobs.observer);
    onLlmCall((call) => this.#recordCall(call));
    onAnswered((answered) => this.#recordAnswered(answered));
    instrumentIfThere();
  }

  /**
   * Records a value of the program's own: 1 for something that happened, or whatever was measured.
   *
   * Sums, counts and percentiles are kept of it. A value that is no finite number is counted as rejected.
   *
   * @throws JobError `invalid_option` when the name is no text, or the value no number
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
      throw new JobError("invalid_option", `The value of the metric '${name}' is a ${typeof value}: give a number.`);
    }
    if (Number.isFinite(value))
      this.#registry
        .custom(name)
        ?.of(tags ?? {})
        .add(value);
    else this.#registry.rejected.of({ metric: name }).value++;
  }

  /**
   * Records a request. An `App` does so by itself; call it for requests that another server answers.
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

  /** All series, or those of one metric. */
  getMetrics(name?: string): MetricSnapshot[] {
    const wanted = this.#registry.all.filter((metric) => name === undefined || metric.name === name);
    return wanted.flatMap((metric) => snapshotsOf(metric));
  }

  /** Totals, error rates, percentiles and cost since the collector was made or cleared. */
  getSummary(): Summary {
    return summaryOf(this.#registry, this.#jobs, new Date(this.#since));
  }

  /** Calls, tokens, cost and durations by model. */
  getModelUsage(): Record<string, ModelUsage> {
    return modelUsageOf(this.#registry);
  }

  /** All metrics in Prometheus's text format: answer `GET /metrics` with it, its type is `PROMETHEUS_CONTENT_TYPE`. */
  prometheus(): string {
    return exposition(this.#registry.all);
  }

  /** Begins anew, as if made now; what runs goes on being counted as running. */
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
    // A call that was refused cost nothing, and has no price to miss.
    if (cost !== null) llmCost.of({ model }).value += cost;
    else if (isBilled) llmUnpriced.of({ model }).value++;
    llmSeconds.of({ model, method }).add(durationMs / 1_000);
  }

  #warn(metric: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message =
      metric === OTHER_METRICS
        ? "There is no room for another metric of the program's own: values of further ones are dropped, see rapidai_collector_overflow_total. Use few names, and tags for what varies."
        : `There is no room for another combination of tag values of the metric ${metric}: further ones are put together, see rapidai_collector_overflow_total. Give tags few values each.`;
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
 * The collector of this process, made by the first call: from then on jobs, LLM calls and an App's requests are recorded
 * by themselves. Where `@opentelemetry/api` is installed, that call instruments queues for it too, see `instrument`.
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
