import { metrics, trace } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { NoopSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { observe } from "rapidai/background";
import { instrument } from "rapidai/monitoring";
import { JobMetrics } from "../src/monitoring/job-metrics.ts";
import { Registry } from "../src/monitoring/registry.ts";
import { drainMemory } from "./peers/memory.ts";
import { ratio, spread, table } from "./report.ts";
import { byTurns } from "./rounds.ts";
import { CONCURRENCY, payloads } from "./workload.ts";

const JOBS = 20_000;
const ROUNDS = 3;

/** The overhead of observers, in CPU time, which does not depend on what else the machine does. */
export async function monitoring(): Promise<void> {
  const jobs = payloads(JOBS);
  const measure = async (...begin: readonly (() => () => void)[]) => {
    const ends = begin.map((each) => each());
    const before = process.cpuUsage();
    await drainMemory(jobs, "single");
    const { user, system } = process.cpuUsage(before);
    for (const end of ends) end();
    return (user + system) / JOBS;
  };
  const collect = () => observe(new JobMetrics(new Registry(() => {})).observer);
  const register = () => {
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new NoopSpanProcessor()] }));
    metrics.setGlobalMeterProvider(new MeterProvider());
    return () => {
      trace.disable();
      metrics.disable();
    };
  };
  const figures = await byTurns(
    {
      "no observer": () => measure(),
      "the collector": () => measure(collect),
      "and OpenTelemetry's API without an SDK": () => measure(collect, instrument),
      "and an SDK that records every span": () => measure(collect, register, instrument),
    },
    ROUNDS,
  );
  console.log(
    `\n## Processor time of a job in memory, enqueued one by one, ${JOBS.toLocaleString("en")} jobs, concurrency ${CONCURRENCY}, ${ROUNDS} alternating rounds\n`,
  );
  const micros = (figure: number) => `${figure.toFixed(1)} µs`;
  table(
    ["", "a job, median (range)", "vs. none"],
    Object.entries(figures).map(([name, figure]) => [
      name,
      spread(figure, micros),
      ratio(figure, figures["no observer"]),
    ]),
  );
}
