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
 * Tells OpenTelemetry of queues and LLM calls: a span for each call that stores jobs, one for each attempt below it, in
 * whatever process it runs, and metrics. It is told through `@opentelemetry/api`, so an SDK that is registered, now or
 * later, hears of it, and without one nothing happens. Jobs that are to be followed from one process to another need it
 * in both.
 *
 * `getCollector()` does this by itself where the package is installed. More than once is fine.
 *
 * @returns the function that ends it
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

/** The same, where the package is there. */
export function instrumentIfThere(): void {
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

/** At once, so that what is enqueued next is seen; the package keeps what is registered for all its copies. */
function loadApi(): typeof OpenTelemetry | null {
  try {
    // CommonJS that a bundler made of this has no url: there it is the program's own that is looked for.
    return createRequire(import.meta.url ?? `${process.cwd()}/`)("@opentelemetry/api") as typeof OpenTelemetry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}
