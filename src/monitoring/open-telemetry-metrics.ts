import type * as OpenTelemetry from "@opentelemetry/api";
import type {
  AttemptSpan,
  AttemptSpanInit,
  EnqueueSpan,
  EnqueueSpanInit,
  Observed,
  Observer,
} from "../background/engine/observer.ts";
import type { LlmCall } from "../llm/calls.ts";
import { modelAttributes, reportedTokens } from "./open-telemetry-models.ts";
import { errorTypeOf, messagingAttributes } from "./open-telemetry-spans.ts";
import { SECONDS } from "./registry.ts";

/**
 * Bucket boundaries from the semantic conventions: the SDK's defaults start at 5, too coarse for seconds. Attempts and
 * waits use the collector's boundaries instead, since jobs may take longer than messages.
 */
const SEND_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const MODEL_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

/** The instruments of one provider: unlike a tracer, a meter does not switch to a provider that is registered later. */
interface ProviderInstruments {
  readonly provider: OpenTelemetry.MeterProvider;
  /** Whether no real provider is registered, so that recording would have no effect. */
  readonly isIdle: boolean;
  readonly sent: OpenTelemetry.Counter;
  readonly sendSeconds: OpenTelemetry.Histogram;
  readonly consumed: OpenTelemetry.Counter;
  readonly processSeconds: OpenTelemetry.Histogram;
  readonly waitSeconds: OpenTelemetry.Histogram;
  readonly finished: OpenTelemetry.Counter;
  readonly tokens: OpenTelemetry.Histogram;
  readonly modelSeconds: OpenTelemetry.Histogram;
}

/** Records OpenTelemetry metrics of what {@link SpanMaker} makes spans of, and of finished jobs. */
export class Instruments implements Observer {
  readonly #api: typeof OpenTelemetry;
  readonly #version: string;
  #current: ProviderInstruments | undefined;

  constructor(api: typeof OpenTelemetry, version: string) {
    this.#api = api;
    this.#version = version;
  }

  enqueueing({ queue, task, count }: EnqueueSpanInit): EnqueueSpan | undefined {
    if (this.#instruments.isIdle) return undefined;
    const startedAt = performance.now();
    return {
      ended: ({ error }) => {
        const { sent, sendSeconds } = this.#instruments;
        const attributes = withError(messagingAttributes("send", queue, task), error);
        sent.add(count, attributes);
        sendSeconds.record((performance.now() - startedAt) / 1_000, attributes);
      },
    };
  }

  attempting({ queue, task, waitMs }: AttemptSpanInit): AttemptSpan | undefined {
    const { isIdle, consumed, waitSeconds } = this.#instruments;
    if (isIdle) return undefined;
    const attributes = messagingAttributes("process", queue, task);
    consumed.add(1, attributes);
    waitSeconds.record(Math.max(0, waitMs) / 1_000, attributes);
    return {
      ended: ({ outcome, error, durationMs }) => {
        const ended = { ...withError(attributes, error), "rapidai.job.outcome": outcome };
        this.#instruments.processSeconds.record(Math.max(0, durationMs) / 1_000, ended);
      },
    };
  }

  completed(event: Observed<"completed">): void {
    this.#finish(event, "completed");
  }

  failed(event: Observed<"failed">): void {
    this.#finish(event, "failed");
  }

  cancelled(event: Observed<"cancelled">): void {
    // Other processes see the event too; only the one that cancelled the job counts it.
    if (event.isOwn) this.#finish(event, "cancelled");
  }

  called(call: LlmCall): void {
    const { tokens, modelSeconds } = this.#instruments;
    const attributes = modelAttributes(call);
    for (const [type, count] of reportedTokens(call))
      tokens.record(count, { ...attributes, "gen_ai.token.type": type });
    modelSeconds.record(call.durationMs / 1_000, withError(attributes, call.error));
  }

  #finish({ queue, task }: { readonly queue: string; readonly task: string }, status: string): void {
    this.#instruments.finished.add(1, { "messaging.destination.name": task, "rapidai.queue": queue, status });
  }

  get #instruments(): ProviderInstruments {
    const provider = this.#api.metrics.getMeterProvider();
    if (this.#current?.provider === provider) return this.#current;
    const meter = provider.getMeter("rapidai", this.#version);
    const histogram = (name: string, unit: string, bounds: readonly number[], description: string) =>
      meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries: [...bounds] } });
    this.#current = {
      provider,
      // The no-op provider returns the same meter for every name.
      isIdle: meter === provider.getMeter("rapidai.none"),
      sent: meter.createCounter("messaging.client.sent.messages", { description: "Jobs stored", unit: "{message}" }),
      sendSeconds: histogram("messaging.client.operation.duration", "s", SEND_SECONDS, "Calls that store jobs"),
      consumed: meter.createCounter("messaging.client.consumed.messages", {
        description: "Attempts started",
        unit: "{message}",
      }),
      processSeconds: histogram("messaging.process.duration", "s", SECONDS, "Attempts"),
      waitSeconds: histogram(
        "rapidai.job.wait.duration",
        "s",
        SECONDS,
        "From when a job was due to the start of an attempt",
      ),
      finished: meter.createCounter("rapidai.jobs.finished", { description: "Jobs that have finished", unit: "{job}" }),
      tokens: histogram("gen_ai.client.token.usage", "{token}", TOKENS, "Tokens used by a call"),
      modelSeconds: histogram("gen_ai.client.operation.duration", "s", MODEL_SECONDS, "Duration of model calls"),
    };
    return this.#current;
  }
}

function withError(attributes: OpenTelemetry.Attributes, error: unknown): OpenTelemetry.Attributes {
  return error === null ? attributes : { ...attributes, "error.type": errorTypeOf(error) };
}
