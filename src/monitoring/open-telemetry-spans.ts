import type * as OpenTelemetry from "@opentelemetry/api";
import type {
  AttemptEnd,
  AttemptSpan,
  AttemptSpanInit,
  EnqueueSpan,
  EnqueueSpanInit,
  Observer,
} from "../background/engine/observer.ts";
import type { LlmCall } from "../llm/calls.ts";
import { modelAttributes, operationOf, reportedTokens } from "./open-telemetry-models.ts";
import { spanContextOf, traceTextOf } from "./trace-text.ts";

/**
 * Attributes by the semantic conventions for messaging, 1.45: a task is the destination, a job the message
 * (https://opentelemetry.io/docs/specs/semconv/messaging/). `messaging.system` is an older name of
 * `messaging.system.name`, still the only one that backends know.
 */
export function messagingAttributes(
  operation: "send" | "process",
  queue: string,
  task: string,
): OpenTelemetry.Attributes {
  return {
    "messaging.system.name": "rapidai",
    "messaging.system": "rapidai",
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    "messaging.destination.name": task,
    "rapidai.queue": queue,
  };
}

/** The `error.type` attribute: an error's code or name, which have few distinct values. */
export function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as Error & { readonly code?: unknown };
  return typeof code === "string" && code !== "" ? code : error.name;
}

/** Creates spans for calls that store jobs, for attempts, and for model calls. */
export class SpanMaker implements Observer {
  readonly #api: typeof OpenTelemetry;
  readonly #tracer: OpenTelemetry.Tracer;
  /** The no-op provider that the API delegates to while none is registered. */
  readonly #idle: unknown;

  constructor(api: typeof OpenTelemetry, version: string) {
    this.#api = api;
    this.#idle = new api.ProxyTracerProvider().getDelegate();
    this.#tracer = api.trace.getTracer("rapidai", version);
  }

  enqueueing({ queue, task, count }: EnqueueSpanInit): EnqueueSpan | undefined {
    if (this.#isIdle) return undefined;
    const attributes = messagingAttributes("send", queue, task);
    if (count > 1) attributes["messaging.batch.message_count"] = count;
    const span = this.#tracer.startSpan(`send ${task}`, { kind: this.#api.SpanKind.PRODUCER, attributes });
    const trace = traceTextOf(span.spanContext());
    if (trace === null) return undefined;
    return {
      trace,
      ended: ({ jobIds, error }) => {
        if (jobIds.length === 1) span.setAttribute("messaging.message.id", jobIds[0] as string);
        if (error !== null) this.#fail(span, error);
        span.end();
      },
    };
  }

  attempting({ queue, task, jobId, attempt, maxRetries, trace }: AttemptSpanInit): AttemptSpan | undefined {
    if (this.#isIdle) return undefined;
    const { ROOT_CONTEXT, SpanKind, context, trace: traces } = this.#api;
    const sender = spanContextOf(trace, this.#api);
    const parent = sender === null ? ROOT_CONTEXT : traces.setSpanContext(ROOT_CONTEXT, sender);
    const attributes = {
      ...messagingAttributes("process", queue, task),
      "messaging.message.id": jobId,
      "rapidai.job.attempt": attempt,
      "rapidai.job.max_retries": maxRetries,
    };
    const links = sender === null ? [] : [{ context: sender }];
    const span = this.#tracer.startSpan(`process ${task}`, { kind: SpanKind.CONSUMER, attributes, links }, parent);
    if (!traces.isSpanContextValid(span.spanContext())) return undefined;
    const spanContext = traces.setSpan(parent, span);
    return { run: (call) => context.with(spanContext, call), ended: (end) => this.#end(span, end) };
  }

  /** Model calls are reported when they end. The span's parent is the active one: inside a job, the attempt's. */
  called(call: LlmCall): void {
    const { model, method, startedAt, durationMs, cost, error } = call;
    const attributes = modelAttributes(call);
    if (method === "stream") attributes["gen_ai.request.stream"] = true;
    for (const [type, count] of reportedTokens(call)) attributes[`gen_ai.usage.${type}_tokens`] = count;
    if (cost !== null) attributes["rapidai.llm.cost"] = cost;
    const kind = this.#api.SpanKind.CLIENT;
    const name = `${operationOf(method)} ${model}`;
    const span = this.#tracer.startSpan(name, { kind, attributes, startTime: startedAt });
    if (error !== null) this.#fail(span, error);
    span.end(startedAt.getTime() + durationMs);
  }

  /** Whether no SDK is registered, so that creating spans would be wasted work. */
  get #isIdle(): boolean {
    const provider = this.#api.trace.getTracerProvider();
    return provider instanceof this.#api.ProxyTracerProvider && provider.getDelegate() === this.#idle;
  }

  #end(span: OpenTelemetry.Span, { outcome, error, delayMs }: AttemptEnd): void {
    span.setAttribute("rapidai.job.outcome", outcome);
    if (error !== null) this.#fail(span, error);
    if (delayMs !== null) span.setAttribute("rapidai.job.retry_delay_ms", delayMs);
    span.end();
  }

  #fail(span: OpenTelemetry.Span, error: unknown): void {
    span.recordException(error instanceof Error ? error : String(error));
    span.setAttribute("error.type", errorTypeOf(error));
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
  }
}
