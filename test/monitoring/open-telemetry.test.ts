import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { MockLanguageModelV4 } from "ai/test";
import { LLM } from "rapidai";
import { background, InMemoryQueue, JobError, PermanentError } from "rapidai/background";
import { instrument } from "rapidai/monitoring";
import { ManualClock, MockLLM } from "rapidai/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LlmCall, notifyCall } from "../../src/llm/calls.ts";
import { type RegisteredSdk, registerSdk } from "./open-telemetry.ts";

const CALL: LlmCall = {
  model: "claude-haiku-4-5",
  provider: "anthropic",
  method: "chat",
  inputTokens: 5,
  outputTokens: 7,
  cost: null,
  isBilled: true,
  startedAt: new Date("2026-01-01"),
  durationMs: 20,
  error: null,
  jobId: null,
  task: null,
};
let sdk: RegisteredSdk;
let stop: () => void;
let clock: ManualClock;
let queue: InMemoryQueue;

beforeEach(() => {
  sdk = registerSdk();
  stop = instrument();
  clock = new ManualClock();
  queue = new InMemoryQueue({ clock });
});
afterEach(async () => {
  await queue.close({ grace: 0 });
  stop();
  sdk.unregister();
});

const named = (name: string): ReadableSpan[] => sdk.spans.getFinishedSpans().filter((span) => span.name === name);
const one = (name: string): ReadableSpan => {
  const [span, ...others] = named(name);
  expect(others).toEqual([]);
  expect(span, `a span ${name}`).toBeDefined();
  return span as ReadableSpan;
};

describe("with an OpenTelemetry SDK", () => {
  test("an attempt's span is the child of the call that stored its job, which is the child of what was active", async () => {
    const task = background({ queue }, async function resize(path: string) {
      await null;
      trace.getTracer("app").startSpan("inside").end();
      return path;
    });
    const tracer = trace.getTracer("app");
    const jobId = await tracer.startActiveSpan("request", async (span) => {
      const id = await task.enqueue("a.png");
      span.end();
      return id;
    });
    await clock.drain();

    const [request, send, process, inside] = [one("request"), one("send resize"), one("process resize"), one("inside")];
    expect(send.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(process.parentSpanContext?.spanId).toBe(send.spanContext().spanId);
    expect(inside.parentSpanContext?.spanId).toBe(process.spanContext().spanId);
    expect(new Set([send, process, inside].map((span) => span.spanContext().traceId))).toEqual(
      new Set([request.spanContext().traceId]),
    );
    expect(send.kind).toBe(SpanKind.PRODUCER);
    expect(send.attributes).toEqual({
      "messaging.system.name": "rapidai",
      "messaging.system": "rapidai",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.destination.name": "resize",
      "messaging.message.id": jobId,
      "rapidai.queue": "memory",
    });
    expect(process.kind).toBe(SpanKind.CONSUMER);
    expect(process.links.map(({ context }) => context.spanId)).toEqual([send.spanContext().spanId]);
    expect(process.attributes).toMatchObject({
      "messaging.operation.type": "process",
      "messaging.destination.name": "resize",
      "messaging.message.id": jobId,
      "rapidai.job.attempt": 1,
      "rapidai.job.max_retries": 3,
      "rapidai.job.outcome": "completed",
    });
    expect((await queue.getDetails(jobId))?.trace).toBe(
      `00-${send.spanContext().traceId}-${send.spanContext().spanId}-01`,
    );
  });

  test("each attempt has a span of its own, with its number, its error and when the next one is due", async () => {
    const task = background({ queue, maxRetries: 2 }, async function flaky(_: undefined, job) {
      if (job.attempt === 1) throw new TypeError("once");
      throw new PermanentError("for good");
    });
    await task.enqueue();
    await clock.advance("2s");
    await clock.drain();
    const [first, second] = named("process flaky") as [ReadableSpan, ReadableSpan];
    expect(first.parentSpanContext).toEqual(second.parentSpanContext);
    expect(first.attributes).toMatchObject({
      "rapidai.job.attempt": 1,
      "rapidai.job.outcome": "retrying",
      "rapidai.job.retry_delay_ms": 2_000,
      "error.type": "TypeError",
    });
    expect(first.status).toEqual({ code: SpanStatusCode.ERROR, message: "once" });
    expect(first.events.map(({ name, attributes }) => [name, attributes?.["exception.message"]])).toEqual([
      ["exception", "once"],
    ]);
    expect(second.attributes).toMatchObject({ "rapidai.job.attempt": 2, "rapidai.job.outcome": "failed" });
    expect(second.status.message).toBe("for good");
  });

  test("a call that stores many jobs has one span, whose children their attempts are", async () => {
    const task = background({ queue }, async function many(_: number) {});
    await task.enqueueMany([1, 2, 3]);
    await clock.drain();
    const send = one("send many");
    expect(send.attributes["messaging.batch.message_count"]).toBe(3);
    expect(named("process many").map((span) => span.parentSpanContext?.spanId)).toEqual(
      Array(3).fill(send.spanContext().spanId),
    );
  });

  test("a call that fails says why", async () => {
    await expect(queue.enqueue("work", () => {})).rejects.toThrow();
    const send = one("send work");
    expect(send.status.code).toBe(SpanStatusCode.ERROR);
    expect(send.attributes["error.type"]).toBe("not_serializable");
  });

  test("a job without a trace, or with any other text in its place, begins one of its own", async () => {
    background({ name: "work", queue }, () => {});
    stop();
    await queue.enqueue("work");
    stop = instrument();
    await clock.drain();
    const span = one("process work");
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links).toEqual([]);
  });

  test("metrics count and time what is stored, run and done, and calls of models", async () => {
    const task = background({ queue, maxRetries: 0 }, async function work(n: number) {
      if (n === 2) throw new RangeError("two");
    });
    await task.enqueueMany([1, 2]);
    await clock.drain();
    await task.cancel(await task.enqueue(3, { delay: "1h" }));
    notifyCall(CALL);

    const measured = await sdk.measured();
    const of = (name: string) => measured.get(name) ?? [];
    expect(of("messaging.client.sent.messages")).toMatchObject([
      { attributes: { "messaging.destination.name": "work", "rapidai.queue": "memory" }, value: 3 },
    ]);
    expect(of("messaging.client.consumed.messages")).toMatchObject([{ value: 2 }]);
    expect(of("messaging.process.duration")).toMatchObject([
      { attributes: { "rapidai.job.outcome": "completed" }, value: { count: 1 } },
      { attributes: { "rapidai.job.outcome": "failed", "error.type": "RangeError" }, value: { count: 1 } },
    ]);
    expect(of("rapidai.job.wait.duration")).toMatchObject([{ value: { count: 2 } }]);
    expect(of("rapidai.jobs.finished").map(({ attributes, value }) => [attributes.status, value])).toEqual([
      ["completed", 1],
      ["failed", 1],
      ["cancelled", 1],
    ]);
    expect(of("gen_ai.client.token.usage").map(({ value }) => (value as { sum: number }).sum)).toEqual([5, 7]);
    const span = one("chat claude-haiku-4-5");
    expect(span.attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.request.model": "claude-haiku-4-5",
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.output_tokens": 7,
    });
    expect(span.duration).toEqual([0, 20_000_000]);
  });

  test("tokens that nobody told are not recorded, nor any output of an embedding", async () => {
    const untold = { inputTokens: null, outputTokens: null } as const;
    notifyCall({ ...CALL, ...untold, error: new JobError("llm_failed", "refused") });
    notifyCall({ ...CALL, ...untold, method: "stream" });
    notifyCall({ ...CALL, model: "text-embedding-3-small", method: "embed", inputTokens: 3, outputTokens: 0 });
    const measured = await sdk.measured();
    expect(measured.get("gen_ai.client.token.usage")).toMatchObject([
      { attributes: { "gen_ai.operation.name": "embeddings", "gen_ai.token.type": "input" }, value: { sum: 3 } },
    ]);
    expect(measured.get("gen_ai.client.operation.duration")?.map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.operation.name": "chat", "error.type": "llm_failed" },
      { "gen_ai.operation.name": "chat" },
      { "gen_ai.operation.name": "embeddings" },
    ]);
    const spans = [...named("chat claude-haiku-4-5"), one("embeddings text-embedding-3-small")];
    expect(spans.map(({ attributes }) => attributes)).toMatchObject([
      { "error.type": "llm_failed" },
      { "gen_ai.request.stream": true },
      { "gen_ai.usage.input_tokens": 3 },
    ]);
    const told = spans.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => name.includes("tokens"));
    expect(told).toEqual(["gen_ai.usage.input_tokens"]);
  });

  describe("a call of a model is below what was active when it was made,", () => {
    const within = <T>(name: string, call: () => T): T =>
      trace.getTracer("test").startActiveSpan(name, (span) => {
        span.end();
        return call();
      });

    test("also when something else ends it", async () => {
      const controller = new AbortController();
      const llm = new MockLLM({ response: () => new Promise<string>(() => {}) });
      const call = within("caller", () => llm.complete("x", { signal: controller.signal }));
      within("stranger", () => controller.abort(new Error("enough")));
      await expect(call).rejects.toThrow("enough");
      expect(one("chat mock").parentSpanContext?.spanId).toBe(one("caller").spanContext().spanId);
    });

    test.each([
      ["a real one", new LLM(new MockLanguageModelV4({ modelId: "broken" }))],
      ["a mock", new MockLLM({ model: "broken", response: new Error("it is broken") })],
    ])("also when its stream is read elsewhere: %s", async (_, llm) => {
      const stream = within("caller", () => llm.stream("x"));
      await expect(within("stranger", () => stream.next())).rejects.toThrow();
      expect(one("chat broken").parentSpanContext?.spanId).toBe(one("caller").spanContext().spanId);
    });
  });

  test.each([
    ["openai", "openai"],
    ["openai.responses", "openai"],
    ["anthropic.messages", "anthropic"],
    ["openai-compatible", "openai-compatible"],
    ["azure.chat", "azure.ai.openai"],
    ["amazon-bedrock", "aws.bedrock"],
    ["google.generative-ai", "gcp.gemini"],
    ["google.vertex.chat", "gcp.vertex_ai"],
    ["mistral.embedding", "mistral_ai"],
    ["xai.responses", "x_ai"],
    ["groq.chat", "groq"],
    ["mine", "mine"],
  ])("the provider %s is called %s, as the conventions have it", (provider, name) => {
    notifyCall({ ...CALL, provider });
    expect(one("chat claude-haiku-4-5").attributes["gen_ai.provider.name"]).toBe(name);
  });

  test("durations and tokens are put into buckets that tell them apart", async () => {
    background({ name: "work", queue }, () => {});
    await queue.enqueue("work");
    await clock.drain();
    notifyCall(CALL);
    const measured = await sdk.measured();
    const expectBounds = (name: string, boundaries: unknown) =>
      expect(measured.get(name)?.[0]?.value, name).toMatchObject({ buckets: { boundaries } });
    const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    expectBounds("messaging.client.operation.duration", seconds);
    // Of jobs many run and wait for longer than that.
    for (const name of ["messaging.process.duration", "rapidai.job.wait.duration"])
      expectBounds(name, expect.arrayContaining([0.005, 0.1, 1, 10, 60, 900, 3_600]));
    expectBounds(
      "gen_ai.client.operation.duration",
      Array.from({ length: 14 }, (_, at) => 2 ** at / 100),
    );
    expectBounds(
      "gen_ai.client.token.usage",
      Array.from({ length: 14 }, (_, at) => 4 ** at),
    );
  });

  test("once it is stopped nothing is told, and instrumenting twice tells once", async () => {
    expect(instrument()).toBe(stop);
    await queue.enqueue("work");
    expect(named("send work")).toHaveLength(1);
    stop();
    await queue.enqueue("work");
    expect(named("send work")).toHaveLength(1);
  });
});

test("without an SDK nothing is stored with a job", async () => {
  stop();
  sdk.unregister();
  stop = instrument();
  const id = await queue.enqueue("work");
  expect((await queue.getDetails(id))?.trace).toBeNull();
});
