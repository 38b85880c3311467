import { createRequire } from "node:module";
import type * as OpenTelemetry from "@opentelemetry/api";
import { JobError } from "../background/core/errors.ts";
import { observe } from "../background/engine/observer.ts";
import { VERSION } from "../background/engine/version.ts";
import { onLlmCall } from "../llm/calls.ts";
import { Instruments } from "./open-telemetry-metrics.ts";
import { SpanMaker } from "./open-telemetry-spans.ts";

let stopAll: (() => void) | undefined;

/**
 * Instruments queues and LLM calls for OpenTelemetry: a span for each call that stores jobs, a child span for each
 * attempt, in whatever process it runs, and metrics. They go through `@opentelemetry/api` to the SDK that is
 * registered, now or later; without an SDK nothing happens. To trace jobs from one process to another, call this in
 * both.
 *
 * `getCollector()` does this automatically if the package is installed. Repeated calls have no further effect.
 *
 * @returns the function that removes the instrumentation
 * @throws JobError `backend_unavailable` when `@opentelemetry/api` is not installed
 * @example
 * ```ts
 * trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }));
 * instrument();
 * ```
 */
export function instrument(): () => void {
  const api = loadApi();
  if (api === null) {
    throw new JobError(
      "backend_unavailable",
      "OpenTelemetry needs the package @opentelemetry/api, which is not installed: npm install @opentelemetry/api",
    );
  }
  return instrumentWith(api);
}

/** Instruments, if the package is installed. */
export function instrumentIfInstalled(): void {
  const api = loadApi();
  if (api !== null) instrumentWith(api);
}

function instrumentWith(api: typeof OpenTelemetry): () => void {
  if (stopAll === undefined) {
    const spans = new SpanMaker(api, VERSION);
    const instruments = new Instruments(api, VERSION);
    const stops = [
      observe(spans),
      observe(instruments),
      onLlmCall((call) => {
        spans.called(call);
        instruments.called(call);
      }),
    ];
    stopAll = () => {
      for (const stop of stops) stop();
      stopAll = undefined;
    };
  }
  return stopAll;
}

/** Loads synchronously, so that the next enqueue is traced. All copies of the package share what is registered. */
function loadApi(): typeof OpenTelemetry | null {
  try {
    // Bundled as CommonJS there is no `import.meta.url`: the package is then resolved from the working directory.
    return createRequire(import.meta.url ?? `${process.cwd()}/`)("@opentelemetry/api") as typeof OpenTelemetry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}
