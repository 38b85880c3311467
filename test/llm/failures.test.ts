import { createServer } from "node:net";
import { LLM } from "rapidai";
import { background, InMemoryQueue, PermanentError, RetryAfterError } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type LlmCall, onLlmCall } from "../../src/llm/calls.ts";
import { failureOf } from "../../src/llm/provider-error.ts";
import { KEY, llmAt, MODELS, modelServer } from "./scene.ts";

const server = modelServer({ key: KEY });
const soon = (ms: number) => new Date(Date.now() + ms).toUTCString();

/** A queue whose only task asks a model; its clock stands still. */
function asking(llm: LLM) {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock });
  onTestFinished(() => queue.close({ grace: 0 }));
  const ask = background({ queue }, async function ask(prompt: string) {
    return llm.complete(prompt);
  });
  const job = async (jobId: string) => {
    await clock.drain({ timeout: "30s" });
    return ask.getResult(jobId);
  };
  return { clock, ask, job };
}

/** A port that nobody listens on. */
async function deadUrl(): Promise<string> {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return `http://127.0.0.1:${port}/v1`;
}

describe("a provider that wants to be left alone", () => {
  const forms: readonly (readonly [string, number, Record<string, string>, number])[] = [
    ["seconds", 429, { "retry-after": "37" }, 37_000],
    ["a date", 429, { "retry-after": "Fri, 01 May 2026 12:00:42 GMT", date: "Fri, 01 May 2026 12:00:00 GMT" }, 42_000],
    ["milliseconds", 429, { "retry-after-ms": "1500" }, 1_500],
    ["OpenAI's headers", 429, { "x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0" }, 90_000],
    ["seconds, being overloaded", 529, { "retry-after": "11" }, 11_000],
    ["seconds, being down", 503, { "retry-after": "13" }, 13_000],
  ];
  test.each(forms)("in %s (%d) is asked again just then", async (_, status, headers, ms) => {
    const { clock, ask, job } = asking(llmAt(server, "claude-haiku-4-5"));
    server.at.plan({ kind: "refuse", status, headers, message: "slow down" });
    const jobId = await ask.enqueue("hello");
    const waiting = await job(jobId);
    expect(waiting).toMatchObject({ status: "pending", attempts: 1 });
    expect(+(waiting?.runAt ?? 0)).toBe(clock.now() + ms);
    expect(waiting?.error).toContain(`claude-haiku-4-5 must not be called for ${ms} ms (${status}: slow down)`);
    await clock.advance(ms - 1);
    expect((await job(jobId))?.attempts).toBe(1);
    await clock.advance(1);
    expect(await job(jobId)).toMatchObject({ status: "completed", result: "You said: hello", attempts: 2 });
    expect(server.at.requests).toHaveLength(2);
  });

  test.each([429, 529])("until a time by Anthropic's own headers is asked again then: %d", async (status) => {
    const { clock, ask, job } = asking(llmAt(server, "claude-haiku-4-5"));
    const at = new Date(Date.now() + 600_000).toISOString();
    server.at.plan({ kind: "refuse", status, headers: { "anthropic-ratelimit-tokens-reset": at } });
    const waiting = await job(await ask.enqueue("hello"));
    const waitMs = +(waiting?.runAt ?? 0) - clock.now();
    expect(waitMs).toBeGreaterThan(500_000);
    // By the server's clock, which it sends in whole seconds.
    expect(waitMs).toBeLessThan(602_000);
  });

  test("for a while, and again and again, keeps the job waiting as long as it has retries", async () => {
    const { clock, ask, job } = asking(llmAt(server, "gpt-test"));
    for (let count = 0; count < 3; count++)
      server.at.plan({ kind: "refuse", status: 429, headers: { "retry-after": "60" } });
    const jobId = await ask.enqueue("hello");
    await job(jobId);
    for (let count = 0; count < 3; count++) {
      await clock.advance("60s");
      await job(jobId);
    }
    expect(await job(jobId)).toMatchObject({ status: "completed", attempts: 4, usage: { inputTokens: 2 } });
  });

  test("and does not say how long is asked again after the backoff", async () => {
    for (const status of [429, 529]) {
      const { clock, ask, job } = asking(llmAt(server, "claude-haiku-4-5"));
      server.at.plan({ kind: "refuse", status, headers: { "retry-after": soon(-60_000) } });
      const jobId = await ask.enqueue("hello");
      expect(+((await job(jobId))?.runAt ?? 0)).toBe(clock.now() + 2_000);
      await clock.advance("2s");
      expect((await job(jobId))?.status).toBe("completed");
    }
  });
});

test("a failure says nothing by the headers that come with every answer", async () => {
  const { clock, ask, job } = asking(llmAt(server, "gpt-test"));
  server.at.plan({ kind: "refuse", status: 500, headers: { "x-ratelimit-reset-tokens": "10m" } });
  expect(+((await job(await ask.enqueue("hello")))?.runAt ?? 0)).toBe(clock.now() + 2_000);
});

describe.each(MODELS)("by %s", (_, model, options) => {
  test.each([500, 502, 503, 504, 408, 409, 425])(
    "%d is retried after the backoff, by the queue alone",
    async (status) => {
      const { clock, ask, job } = asking(llmAt(server, model, options));
      server.at.plan({ kind: "refuse", status, message: "oops" });
      const jobId = await ask.enqueue("hello");
      const failed = await job(jobId);
      expect(failed).toMatchObject({ status: "pending", attempts: 1, usage: null });
      expect(failed?.error).toContain(`${model} failed, through no fault of the request (${status}`);
      expect(server.at.requests).toHaveLength(1);
      await clock.advance("2s");
      expect(await job(jobId)).toMatchObject({ status: "completed", attempts: 2 });
    },
  );

  test.each([
    [400, "rejected the request"],
    [401, "The key for"],
    [403, "may not use it"],
    [404, "was not found"],
    [413, "rejected the request"],
    [422, "rejected the request"],
  ])("%d fails the job at once: %s", async (status, says) => {
    const { ask, job } = asking(llmAt(server, model, options));
    server.at.plan({ kind: "refuse", status, message: "the reason" });
    const failed = await job(await ask.enqueue("hello"));
    expect(failed).toMatchObject({ status: "failed", attempts: 1, errors: [{ name: "PermanentError" }] });
    expect(failed?.error).toContain(says);
    expect(failed?.error).toContain(model);
    expect(failed?.error).toContain("the reason");
  });

  test("a redirect is not followed, and fails the job at once: key and prompt are for nobody else", async () => {
    const { ask, job } = asking(llmAt(server, model, options));
    server.at.plan({ kind: "refuse", status: 307, headers: { location: `${server.at.url}/elsewhere` } });
    const failed = await job(await ask.enqueue("hello"));
    expect(failed).toMatchObject({ status: "failed", attempts: 1, errors: [{ name: "PermanentError" }] });
    expect(failed?.error).toMatch(
      /redirects to another address \(307.*\), .* set the baseURL option to the final address\.$/,
    );
    expect(server.at.requests).toHaveLength(1);
  });

  test("an answer that is none is retried after the backoff", async () => {
    for (const body of ["<html>busy</html>", "{}", "", '{"id":1}', "null"]) {
      const { ask, job } = asking(llmAt(server, model, options));
      server.at.plan({ kind: "garbage", body });
      const failed = await job(await ask.enqueue("hello"));
      expect(failed, body).toMatchObject({ status: "pending", attempts: 1 });
      expect(failed?.error, body).toMatch(/^The answer of .* cannot be read|Responses API returned no output/);
    }
  });

  test("an answer that breaks off is retried after the backoff", async () => {
    const { ask, job } = asking(llmAt(server, model, options));
    server.at.plan({ kind: "cut", after: 0 });
    const failed = await job(await ask.enqueue("hello"));
    expect(failed).toMatchObject({ status: "pending", attempts: 1 });
    expect(failed?.error).toContain(model);
  });

  test("a server that cannot be reached is asked again after the backoff", async () => {
    const { ask, job } = asking(llmAt(server, model, { ...options, baseURL: await deadUrl() }));
    const failed = await job(await ask.enqueue("hello"));
    expect(failed).toMatchObject({ status: "pending", attempts: 1 });
    expect(failed?.error).toMatch(
      /^The call of .* failed \(.*ECONNREFUSED.*\): check the network and the baseURL option\.$/,
    );
  });

  test("a wrong key says where it comes from, and is shown nowhere", async () => {
    const wrong = "sk-wrong-fedcba9876543210";
    const { ask, job } = asking(llmAt(server, model, { ...options, apiKey: wrong }));
    const calls: LlmCall[] = [];
    const stop = onLlmCall((call) => calls.push(call));
    const failed = await job(await ask.enqueue("hello"));
    stop();
    expect(failed?.error).toMatch(
      /\(401: invalid key: \[key\]\): check (ANTHROPIC|OPENAI)_API_KEY or the apiKey option/,
    );
    expect(JSON.stringify(failed)).not.toContain("fedcba");
    const { error } = calls[0] as { error: Error };
    const everything = [error, error.cause].flatMap((link) => [String((link as Error).stack), JSON.stringify(link)]);
    expect(everything.join()).not.toContain("fedcba");
    expect(error.cause).toMatchObject({ statusCode: 401 });
  });
});

test.each(["error", "abort", "insufficient_system_resource"])(
  "an answer that ended by what its server calls %s is retried after the backoff, and on the job's usage",
  async (reason) => {
    const { ask, job } = asking(llmAt(server, "local-test", { provider: "openai-compatible" }));
    const message = { role: "assistant", content: "half an" };
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    const body = { id: "1", created: 1, model: "m", choices: [{ index: 0, message, finish_reason: reason }], usage };
    server.at.plan({ kind: "garbage", body: JSON.stringify(body) });
    expect(await job(await ask.enqueue("hello"))).toMatchObject({
      status: "pending",
      attempts: 1,
      error: "The answer of local-test was cut off midway; try again later.",
      usage: { inputTokens: 3, outputTokens: 2, cost: 23 },
    });
  },
);

test("a key that was read with the end of its line is shown nowhere either", async () => {
  const { ask, job } = asking(llmAt(server, "gpt-test", { apiKey: "open-sesame\n" }));
  server.at.plan({ kind: "refuse", status: 401, message: "I know no open-sesame" });
  expect((await job(await ask.enqueue("hello")))?.error).toContain("I know no [key]");
  expect(server.at.requests[0]?.headers.authorization).toBe("Bearer open-sesame");
});

test("an answer without an end is given up before it fills the memory, and retried after the backoff", async () => {
  const { ask, job } = asking(llmAt(server, "gpt-test"));
  server.at.plan({ kind: "flood" });
  const failed = await job(await ask.enqueue("hello"));
  expect(failed).toMatchObject({ status: "pending", attempts: 1 });
  expect(failed?.error).toContain("longer than 64 MiB");
  await vi.waitFor(() => expect(server.at.left).toBe(1), { timeout: 25_000 });
});

test("a refusal of megabytes is told by its status, and neither taken nor looked through in full", async () => {
  const { ask, job } = asking(llmAt(server, "gpt-test"));
  server.at.plan({ kind: "refuse", status: 400, message: "no such key ".repeat(500_000) });
  expect(await job(await ask.enqueue("hello"))).toMatchObject({
    status: "failed",
    error: expect.stringMatching(
      /^gpt-test rejected the request \(400: .{1,600}\): change it before you send it again\.$/,
    ),
  });
  server.at.plan({ kind: "refuse", status: 400, message: "no such key ".repeat(500_000) });
  const error = await llmAt(server, "gpt-test")
    .complete("hello")
    .catch((error) => error);
  expect(error.cause.statusCode).toBe(400);
  for (const name of ["message", "stack", "responseBody"]) expect(error.cause[name].length).toBeLessThan(300_000);
});

describe("a key of a model object, which only the object knows,", () => {
  const KEYS = ["my-azure-key-987", "gsk_1a2b3c4d5e6f", "0123456789abcdef0123456789abcdef"];
  const repeated = (key: string): readonly string[] => [
    `invalid key: ${key}`,
    `Incorrect API key provided: ${key}. You can find your API key at https://example.com.`,
    `there is no Bearer ${key}, nor "api-key": "${key}"`,
    `refused x-api-key=${key}`,
    JSON.stringify({ headers: { authorization: `bearer ${key}`, "x-api-key": key } }),
  ];
  test.each(KEYS.flatMap(repeated))("is shown nowhere when a server says: %s", async (message) => {
    const { createOpenAI } = await import("@ai-sdk/openai");
    const openai = createOpenAI({ baseURL: server.at.url, apiKey: "any" });
    server.at.plan({ kind: "refuse", status: 500, message });
    const error = await new LLM(openai.chat("gpt-test")).complete("x").catch((error) => error);
    const everything = [error, error.cause].flatMap((link) => [String(link.stack), JSON.stringify(link)]).join();
    for (const key of KEYS) expect(everything).not.toContain(key);
    expect(error.message).toContain("[key]");
  });

  test("is shown nowhere in what a server says with a good status either, and the rest of it stays", async () => {
    const { createOpenAI } = await import("@ai-sdk/openai");
    const error = { code: "x", message: "no key: gsk_1a2b3c4d5e6f" };
    const body = {
      id: "r",
      created_at: 1,
      model: "gpt-test",
      "cache-key": 123456789,
      "api-key": "a1b2c3d4e5f6",
      error,
    };
    server.at.plan({ kind: "garbage", body: JSON.stringify(body) });
    const llm = new LLM(createOpenAI({ baseURL: server.at.url, apiKey: "any" })("gpt-test"));
    const thrown = await llm.complete("x").catch((error) => error);
    const hidden = { ...body, "api-key": "[key]", error: { ...error, message: "no key: [key]" } };
    expect(JSON.parse(thrown.cause.responseBody)).toEqual(hidden);
  });

  test.each([
    "Unrecognized key: max_output_tokens",
    "the token limit is 128000: 140000 were sent",
    "key 7 is out of range",
    "tool key = get_v2 is unknown",
    "monkey: version-1234567 is too old",
    "at keyOf (file:///srv/app2/tasks.js:3:14)",
  ])("is not taken to be in: %s", async (message) => {
    server.at.plan({ kind: "refuse", status: 400, message });
    await expect(llmAt(server, "gpt-test").complete("x")).rejects.toThrow(message);
  });
});

describe("outside of a job", () => {
  test("the same errors are thrown, and told to listeners", async () => {
    const llm = llmAt(server, "gpt-test");
    const calls: LlmCall[] = [];
    const stop = onLlmCall((call) => calls.push(call));
    server.at.plan(
      { kind: "refuse", status: 429, headers: { "retry-after": "5" } },
      { kind: "refuse", status: 400 },
      { kind: "refuse", status: 500 },
    );
    const thrown: unknown[] = [];
    for (let count = 0; count < 3; count++) await llm.complete("x").catch((error) => thrown.push(error));
    stop();
    expect(thrown[0]).toBeInstanceOf(RetryAfterError);
    expect(thrown[0]).toMatchObject({ delayMs: 5_000, cause: { statusCode: 429 } });
    expect(thrown[1]).toBeInstanceOf(PermanentError);
    expect(thrown[2]).toMatchObject({ code: "llm_failed", cause: { statusCode: 500 } });
    expect(calls.map(({ error }) => error)).toEqual(thrown);
    expect(
      calls.every(
        ({ jobId, task, inputTokens, cost, isBilled }) =>
          jobId === null && task === null && inputTokens === null && cost === null && !isBilled,
      ),
    ).toBe(true);
  });

  test("what cannot be asked at all fails for good, without a request", async () => {
    const llm = llmAt(server, "gpt-test");
    const nonsense: readonly (() => Promise<unknown>)[] = [
      () => llm.complete(undefined as never),
      () => llm.complete({ text: "x" } as never),
      () => llm.chat([]),
      () => llm.chat([{ role: "judge", content: "x" } as never]),
      () => llm.chat([{ role: "user", content: 7 } as never]),
    ];
    for (const ask of nonsense) {
      const message = expect.stringMatching(/^The input of gpt-test must be /);
      await expect(ask(), String(ask)).rejects.toMatchObject({ name: "PermanentError", message });
    }
    expect(server.at.requests).toEqual([]);
  });

  test("an answer that the provider declines to give fails for good, and is paid for", async () => {
    const usage = { input_tokens: 30, output_tokens: 2 };
    const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-haiku-4-5", content: [], usage };
    server.at.plan({ kind: "garbage", body: JSON.stringify({ ...message, stop_reason: "refusal" }) });
    const { ask, job } = asking(llmAt(server, "claude-haiku-4-5"));
    const failed = await job(await ask.enqueue("something bad"));
    expect(failed).toMatchObject({
      status: "failed",
      attempts: 1,
      usage: { inputTokens: 30, outputTokens: 2, cost: 50 },
    });
    expect(failed?.error).toBe("claude-haiku-4-5 declined to answer (content filter): change the prompt.");
  });

  test("an answer whose tokens were used up before it had any text fails for good, and is paid for", async () => {
    const usage = { input_tokens: 30, output_tokens: 2 };
    const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-haiku-4-5", content: [], usage };
    server.at.plan({ kind: "garbage", body: JSON.stringify({ ...message, stop_reason: "max_tokens" }) });
    const { ask, job } = asking(llmAt(server, "claude-haiku-4-5"));
    expect(await job(await ask.enqueue("think hard"))).toMatchObject({
      status: "failed",
      attempts: 1,
      error: "claude-haiku-4-5 used up its tokens before it wrote anything: raise maxTokens, or leave it out.",
      usage: { inputTokens: 30, outputTokens: 2, cost: 50 },
    });
  });

  test("a text that is to be embedded is not taken for its letters", async () => {
    await expect(llmAt(server, "text-embedding-test").embed("hello" as never)).rejects.toMatchObject({
      name: "PermanentError",
      message: expect.stringContaining("must be an array of strings"),
    });
    expect(server.at.requests).toEqual([]);
  });

  test("embeddings fail as answers do", async () => {
    const llm = llmAt(server, "text-embedding-test");
    server.at.plan(
      { kind: "refuse", status: 429, headers: { "retry-after-ms": "250" } },
      { kind: "garbage", body: "[]" },
    );
    await expect(llm.embed(["a"])).rejects.toMatchObject({ name: "RetryAfterError", delayMs: 250 });
    await expect(llm.embed(["a"])).rejects.toMatchObject({ code: "llm_failed" });
  });
});

test("a server that none of its addresses reaches is reported with the reason, which Node.js gives an empty message", () => {
  const reasons = ["connect ECONNREFUSED ::1:11434", "connect ECONNREFUSED 127.0.0.1:11434"];
  const cause = new AggregateError(reasons.map((reason) => new Error(reason)));
  // As the AI SDK words it.
  const error = new Error(`Cannot connect to API: ${cause.message}`, { cause });
  expect(failureOf(error, { model: "local", keySource: "KEY" }, 0).message).toBe(
    `The call of local failed (Cannot connect to API: ${reasons.join("; ")}): check the network and the baseURL option.`,
  );
});
