import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, type ContextManager, context, metrics, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

/** What SDKs for Node bring along, in few lines. */
class LocalContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.call(thisArg as never, ...args));
  }
  bind<T>(active: Context, target: T): T {
    return typeof target === "function"
      ? (((...args: never[]) => this.with(active, target as never, undefined, ...args)) as T)
      : target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

export interface RegisteredSdk {
  readonly spans: InMemorySpanExporter;
  /** What was measured so far, by the metric's name. */
  measured(): Promise<Map<string, { readonly attributes: Record<string, unknown>; readonly value: unknown }[]>>;
  unregister(): void;
}

/** Registers an SDK that keeps what it is told, as a program would register one that sends it somewhere. */
export function registerSdk(): RegisteredSdk {
  const spans = new InMemorySpanExporter();
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new LocalContexts());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }));
  metrics.setGlobalMeterProvider(meters);
  return {
    spans,
    measured: async () => {
      await meters.forceFlush();
      const all =
        exporter
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      return new Map(
        all.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ attributes, value }) => ({ attributes, value })),
        ]),
      );
    },
    unregister: () => {
      for (const api of [context, trace, metrics]) api.disable();
    },
  };
}
