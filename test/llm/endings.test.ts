import { AsyncLocalStorage } from "node:async_hooks";
import { convertArrayToReadableStream, MockEmbeddingModelV4, MockLanguageModelV4 } from "ai/test";
import { LLM } from "rapidai";
import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock, MockLLM } from "rapidai/testing";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { CallLimit } from "../../src/llm/call-limit.ts";
import { type LlmCall, onLlmCall } from "../../src/llm/calls.ts";
import { llmAt, MODELS, modelServer, textOf } from "./scene.ts";

const server = modelServer();
/** A busy machine is slow, and that is no failure. */
const PATIENT = { timeout: "25s" } as const;
const rejections: unknown[] = [];
const note = (reason: unknown) => rejections.push(reason);
let calls: LlmCall[] = [];
let stop = () => {};

beforeEach(() => {
  calls = [];
  stop = onLlmCall((call) => calls.push(call));
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  stop();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(rejections.splice(0)).toEqual([]);
});

const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 25_000, interval: 2 });

/** What came until it ended, and why it ended. */
async function drained(pieces: AsyncIterable<string>): Promise<{ text: string; error: unknown }> {
  let text = "";
  try {
    for await (const piece of pieces) text += piece;
    return { text, error: null };
  } catch (error) {
    return { text, error };
  }
}

/** A queue on a clock that stands still, with a task that streams. */
function streaming(llm: LLM, options: { maxRetries?: number; timeout?: "5s" } = {}) {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock });
  onTestFinished(() => queue.close({ grace: 0 }));
  const heard: string[] = [];
  const tell = background({ queue, ...options }, async function tell(prompt: string) {
    heard.length = 0;
    for await (const piece of llm.stream(prompt)) heard.push(piece);
    return heard.join("");
  });
  return { clock, queue, tell, heard };
}

describe.each(MODELS)("by %s", (name, model, options) => {
  const isAnthropic = name.startsWith("Anthropic");

  test("a stream whose connection breaks is an error, and retried", async () => {
    const { clock, tell } = streaming(llmAt(server, model, options));
    server.at.plan({ kind: "cut", after: 2 });
    const jobId = await tell.enqueue("one two three four");
    await clock.drain(PATIENT);
    const job = await tell.getResult(jobId);
    expect(job).toMatchObject({ status: "pending", attempts: 1, errors: [{ name: "JobError" }] });
    expect(job?.error).toContain(model);
    await clock.advance("2s");
    await clock.drain(PATIENT);
    expect(await tell.getResult(jobId)).toMatchObject({ status: "completed", result: "You said: one two three four" });
  });

  test("a stream that ends as if that were all is an error too", async () => {
    server.at.plan({ kind: "cut", after: 2, isClean: true });
    const { text, error } = await drained(llmAt(server, model, options).stream("one two three four"));
    expect(text).toBe("You said: ");
    expect(error).toMatchObject({ code: "llm_failed", message: expect.stringContaining("cut off midway") });
  });

  test("a stream in which the provider says that it failed is retried", async () => {
    server.at.plan({ kind: "fail", after: 2, message: "Overloaded" });
    const { text, error } = await drained(llmAt(server, model, options).stream("one two three four"));
    expect(text).toBe("You said: ");
    expect(error).toMatchObject({ message: expect.stringMatching(/Overloaded/) });
    expect((error as Error).name).not.toBe("PermanentError");
  });

  test("a refusal before the stream begins is what it is for a whole answer", async () => {
    server.at.plan({ kind: "refuse", status: 429, headers: { "retry-after": "3" } }, { kind: "refuse", status: 404 });
    const llm = llmAt(server, model, options);
    expect((await drained(llm.stream("x"))).error).toMatchObject({ name: "RetryAfterError", delayMs: 3_000 });
    expect((await drained(llm.stream("x"))).error).toMatchObject({ name: "PermanentError" });
  });

  test("a stream of nonsense is retried", async () => {
    for (const body of ["hello", "data: {\n\n", "", "data: []\n\n"]) {
      server.at.plan({ kind: "garbage", body, type: "text/event-stream" });
      const { error } = await drained(llmAt(server, model, options).stream("x"));
      expect(error, JSON.stringify(body)).toMatchObject({ code: "llm_failed" });
    }
  });

  test("leaving the loop ends the request", async () => {
    server.at.plan({ kind: "slow", everyMs: 20 });
    for await (const piece of llmAt(server, model, options).stream("word ".repeat(500))) {
      expect(piece).toBe("You ");
      break;
    }
    await until(() => server.at.left === 1);
    expect(calls).toMatchObject([{ method: "stream", error: null }]);
  });

  test("a signal ends a call, with its reason", async () => {
    const llm = llmAt(server, model, options);
    for (const method of ["complete", "stream"] as const) {
      server.at.plan({ kind: "hang" });
      const controller = new AbortController();
      const { signal } = controller;
      const ended = method === "stream" ? textOf(llm.stream("x", { signal })) : llm.complete("x", { signal });
      const heard = ended.catch((error) => error);
      await until(() => server.at.requests.length > 0);
      controller.abort(new Error("changed my mind"));
      expect(await heard).toBe(signal.reason);
      await until(() => server.at.left === 1);
      server.at.reset();
    }
    expect(calls.map(({ error }) => String(error))).toEqual(Array(2).fill("Error: changed my mind"));
  });

  test("a signal that is aborted already asks nobody", async () => {
    const llm = llmAt(server, model, options);
    const signal = AbortSignal.abort(new Error("no"));
    await expect(llm.complete("x", { signal })).rejects.toThrow("no");
    await expect(textOf(llm.stream("x", { signal }))).rejects.toThrow("no");
    expect(server.at.requests).toEqual([]);
  });

  test("cancelling the job ends its call", async () => {
    const { clock, tell } = streaming(llmAt(server, model, options));
    server.at.plan({ kind: "hang" });
    const jobId = await tell.enqueue("x");
    await clock.advance(0);
    await until(() => server.at.requests.length === 1);
    expect(await tell.cancel(jobId)).toBe(true);
    await until(() => server.at.left === 1);
    expect(calls).toMatchObject([{ error: { code: "job_cancelled" }, jobId }]);
  });

  test("a server too slow for the timeout is given up, and asked again later", async () => {
    const llm = llmAt(server, model, { ...options, timeout: "150ms" });
    server.at.plan({ kind: "hang" }, { kind: "hang" });
    await expect(llm.complete("x")).rejects.toMatchObject({
      code: "llm_timeout",
      message: `${model} did not answer within 150 ms: try again later, or raise the timeout option of LLM.`,
    });
    expect((await drained(llm.stream("x"))).error).toMatchObject({ code: "llm_timeout" });
    await until(() => server.at.left === 2);
  });

  test("a stream that the job's timeout ends is on its usage, as far as the provider told", async () => {
    const { clock, tell, heard } = streaming(llmAt(server, model, options), { maxRetries: 0, timeout: "5s" });
    server.at.plan({ kind: "slow", everyMs: 20 });
    const prompt = "word ".repeat(500);
    const jobId = await tell.enqueue(prompt);
    await clock.advance(0);
    await until(() => heard.length > 2);
    await clock.advance("5s");
    const job = await tell.getResult(jobId);
    expect(job).toMatchObject({ status: "failed", error: expect.stringContaining("timeout of 5000 ms") });
    // Anthropic tells at the beginning what went in; OpenAI tells nothing before the end, and there is a bill.
    if (isAnthropic) expect(job?.usage).toEqual({ inputTokens: 625, outputTokens: 1, cost: 635 });
    else expect(job?.usage).toEqual({ inputTokens: 0, outputTokens: 0, cost: null });
    expect(calls).toMatchObject([{ isBilled: true }]);
  });

  test("a stream that breaks in an attempt that is retried is on the job's usage too", async () => {
    const { clock, tell } = streaming(llmAt(server, model, options));
    server.at.plan({ kind: "cut", after: 2 });
    const jobId = await tell.enqueue("abcd");
    await clock.drain(PATIENT);
    await clock.advance("2s");
    await clock.drain(PATIENT);
    const job = await tell.getResult(jobId);
    const second = { inputTokens: 1, outputTokens: 4, cost: 41 };
    if (isAnthropic) expect(job?.usage).toEqual({ inputTokens: 2, outputTokens: 5, cost: 41 + 11 });
    else expect(job?.usage).toEqual({ ...second, cost: null });
  });
});

test("of a stream each piece, words or not, is a sign of life, and its reader's time is none of the provider's", async () => {
  const renew = vi.spyOn(CallLimit.prototype, "renew");
  const hold = vi.spyOn(CallLimit.prototype, "pause");
  for await (const _ of llmAt(server, "gpt-test").stream("1 2 3"))
    expect(hold.mock.invocationCallOrder.at(-1)).toBeGreaterThan(renew.mock.invocationCallOrder.at(-1) ?? 0);
  // Each piece comes twice, as the provider sent it and as the AI SDK read it; then the wait for the next begins.
  expect(hold).toHaveBeenCalledTimes(5);
  expect(renew.mock.calls.length).toBeGreaterThan(3 * 5);
});

test("an OpenAI answer that fails is on the job's usage, also when it fails before its first text", async () => {
  const usage = { input_tokens: 3, output_tokens: 2 };
  const created = { type: "response.created", response: { id: "r", created_at: 1, model: "gpt-test" } };
  const response = { status: "failed", error: { code: "server_error", message: "oops" }, usage };
  const failed = { type: "response.failed", sequence_number: 1, response };
  const body = [created, failed].map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
  server.at.plan({ kind: "garbage", body, type: "text/event-stream" });
  const { clock, tell } = streaming(llmAt(server, "gpt-test"));
  const jobId = await tell.enqueue("x");
  await clock.drain(PATIENT);
  expect(await tell.getResult(jobId)).toMatchObject({ usage: { inputTokens: 3, outputTokens: 2, cost: 23 } });
  expect(calls).toMatchObject([{ inputTokens: 3, outputTokens: 2, cost: 23, error: { code: "llm_failed" } }]);
});

test("a stream of a model object that just ends is an error", async () => {
  const part = { type: "text-delta", id: "0", delta: "half an" } as const;
  const stream = convertArrayToReadableStream([{ type: "text-start", id: "0" } as const, part]);
  const model = new MockLanguageModelV4({ modelId: "mine", doStream: async () => ({ stream }) });
  const { text, error } = await drained(new LLM(model).stream("x"));
  expect(text).toBe("half an");
  expect(error).toMatchObject({
    code: "llm_failed",
    message: "The answer of mine was cut off midway; try again later.",
  });
});

test("a stream that breaks off while the model thinks has a cost that nobody knows", async () => {
  const thought = { type: "reasoning-delta", id: "0", delta: "hm" } as const;
  const stream = convertArrayToReadableStream([{ type: "reasoning-start", id: "0" } as const, thought]);
  const llm = new LLM(new MockLanguageModelV4({ modelId: "mine", doStream: async () => ({ stream }) }));
  const { queue, clock, tell } = streaming(llm, { maxRetries: 0 });
  const jobId = await tell.enqueue("x");
  await clock.drain(PATIENT);
  expect((await queue.getResult(jobId))?.usage).toEqual({ inputTokens: 0, outputTokens: 0, cost: null });
  expect(calls).toMatchObject([{ error: { code: "llm_failed" }, cost: null, isBilled: true }]);
});

test("a stream gives nothing more after an abort, also of what had come before it", async () => {
  const words = ["one ", "two ", "three"].map((delta) => ({ type: "text-delta", id: "0", delta }) as const);
  const stream = convertArrayToReadableStream([{ type: "text-start", id: "0" } as const, ...words]);
  const llm = new LLM(new MockLanguageModelV4({ modelId: "mine", doStream: async () => ({ stream }) }));
  const controller = new AbortController();
  const pieces = llm.stream("x", { signal: controller.signal });
  expect((await pieces.next()).value).toBe("one ");
  controller.abort(new Error("changed my mind"));
  await expect(pieces.next()).rejects.toBe(controller.signal.reason);
  expect(await pieces.next()).toEqual({ done: true, value: undefined });
  expect(calls).toMatchObject([{ error: controller.signal.reason }]);
});

test("a signal ends the call of a model object that ignores it", async () => {
  const never = () => new Promise<never>(() => {});
  const speaker = new LLM(new MockLanguageModelV4({ modelId: "mine", doGenerate: never, doStream: never }));
  const embedder = new LLM(new MockEmbeddingModelV4({ modelId: "mine", doEmbed: never }));
  const controller = new AbortController();
  const { signal } = controller;
  const ended = [
    speaker.complete("x", { signal }),
    speaker.chat([{ role: "user", content: "x" }], { signal }),
    textOf(speaker.stream("x", { signal })),
    embedder.embed(["x"], { signal }),
  ];
  const heard = Promise.allSettled(ended);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("changed my mind"));
  expect(await heard).toEqual(ended.map(() => ({ status: "rejected", reason: signal.reason })));
});

test("a stream that is never read asks nobody and holds nothing", async () => {
  llmAt(server, "gpt-test").stream("x");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.at.requests).toEqual([]);
  expect(calls).toEqual([]);
});

test("what listens to a job's signal is gone when its call is over", async () => {
  const llm = llmAt(server, "gpt-test");
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, "addEventListener");
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  await llm.complete("x", { signal: controller.signal });
  await textOf(llm.stream("x", { signal: controller.signal }));
  server.at.plan({ kind: "refuse", status: 500 });
  await llm.complete("x", { signal: controller.signal }).catch(() => {});
  expect(added).toHaveBeenCalledTimes(3);
  expect(removed).toHaveBeenCalledTimes(3);
});

test("a listener is told in the context of whoever made the call, also when somebody else ends it", async () => {
  const customer = new AsyncLocalStorage<string>();
  const heard: unknown[] = [];
  onTestFinished(onLlmCall(({ method }) => heard.push([method, customer.getStore()])));
  for (const llm of [llmAt(server, "gpt-test"), new MockLLM()]) {
    await customer.run("acme", () => llm.complete("hello"));
    const pieces = customer.run("globex", () => llm.stream("hello"));
    await customer.run("another", () => textOf(pieces));
    const abort = new AbortController();
    const left = customer.run("initech", () => llm.stream("hello", { signal: abort.signal }));
    await left[Symbol.asyncIterator]().next();
    customer.run("another", () => abort.abort());
    await customer.run("hooli", () => llm.embed(["hello"]));
    expect(heard.splice(0)).toEqual([
      ["complete", "acme"],
      ["stream", "globex"],
      ["stream", "initech"],
      ["embed", "hooli"],
    ]);
  }
});
