import { MockEmbeddingModelV4 } from "ai/test";
import { LLM } from "rapidai";
import { background, InMemoryQueue } from "rapidai/background";
import { describe, expect, test } from "vitest";
import { type LlmCall, onLlmCall } from "../../src/llm/calls.ts";
import { llmAt, MODELS, modelServer, textOf } from "./scene.ts";

const server = modelServer();

describe.each(MODELS)("by %s", (name, model, options) => {
  test("complete answers a prompt", async () => {
    const llm = llmAt(server, model, options);
    expect(await llm.complete("good morning")).toBe("You said: good morning");
    expect(server.at.requests).toHaveLength(1);
    expect(server.at.requests[0]?.body).toMatchObject({ model });
  });

  test("chat sends the whole conversation, and stream takes one too", async () => {
    const llm = llmAt(server, model, { ...options, system: "Be brief." });
    const conversation = [
      { role: "user", content: "my name is Ada" },
      { role: "assistant", content: "hello Ada" },
      { role: "user", content: "who am I?" },
    ] as const;
    expect(await llm.chat(conversation)).toBe("You said: who am I?");
    expect(await textOf(llm.stream(conversation))).toBe("You said: who am I?");
    for (const { body } of server.at.requests) {
      const sent = JSON.stringify(body);
      for (const said of ["Be brief.", "my name is Ada", "hello Ada", "who am I?"]) expect(sent).toContain(said);
    }
  });

  test("a system message of the conversation reaches the model", async () => {
    const messages = [
      { role: "system", content: "Answer in French." },
      { role: "user", content: "hello" },
    ] as const;
    expect(await llmAt(server, model, options).chat(messages)).toBe("You said: hello");
    expect(JSON.stringify(server.at.requests[0]?.body)).toContain("Answer in French.");
  });

  test("stream gives the answer in pieces, as they come", async () => {
    const prompt = "one two three";
    server.at.plan({ kind: "slow", everyMs: 5 });
    const pieces: string[] = [];
    for await (const piece of llmAt(server, model, options).stream(prompt)) pieces.push(piece);
    expect(pieces.length).toBeGreaterThanOrEqual(4);
    expect(pieces.join("")).toBe(`You said: ${prompt}`);
  });

  test("settings go with the request", async () => {
    await llmAt(server, model, { ...options, maxTokens: 77, temperature: 0.5 }).complete("x");
    expect(JSON.stringify(server.at.requests[0]?.body)).toMatch(/"max_(output_|completion_)?tokens":77/);
  });

  test("each call of a job is on its usage, and told to listeners", async () => {
    const llm = llmAt(server, model, options);
    const calls: LlmCall[] = [];
    const stop = onLlmCall((call) => calls.push(call));
    const queue = new InMemoryQueue();
    const work = background({ queue, maxRetries: 0 }, async function work() {
      await llm.complete("a".repeat(400));
      await textOf(llm.stream("b".repeat(40)));
      await llm.chat([{ role: "user", content: "c".repeat(4) }]);
      return "done";
    });
    const job = await work.wait(await work.enqueue());
    stop();
    // Four letters to a token; "You said: " has ten more.
    const used = { inputTokens: 100 + 10 + 1, outputTokens: 103 + 13 + 4 };
    expect(job.usage).toEqual({ ...used, cost: used.inputTokens + 10 * used.outputTokens });
    expect(calls.map(({ method }) => method)).toEqual(["complete", "stream", "chat"]);
    expect(calls[0]).toMatchObject({
      model,
      provider: options.provider ?? (name.startsWith("Anthropic") ? "anthropic" : "openai"),
      inputTokens: 100,
      outputTokens: 103,
      cost: 1_130,
      error: null,
      jobId: job.jobId,
      task: "work",
    });
    expect(calls[0]?.durationMs).toBeGreaterThan(0);
    await queue.close();
  });

  test("calls of attempts that fail later are on the job's usage too", async () => {
    const llm = llmAt(server, model, options);
    const queue = new InMemoryQueue();
    const work = background({ queue, maxRetries: 1, backoff: 0 }, async function work() {
      await llm.complete("abcd");
      throw new Error("the rest failed");
    });
    const job = await work.wait(await work.enqueue());
    expect(job).toMatchObject({ status: "failed", attempts: 2, usage: { inputTokens: 2, outputTokens: 8, cost: 82 } });
    await queue.close();
  });

  test("a model whose price is unknown costs null", async () => {
    const llm = llmAt(server, model, { ...options, prices: {} });
    const queue = new InMemoryQueue();
    const work = background({ queue }, async function work() {
      return llm.complete("abcd");
    });
    expect((await work.wait(await work.enqueue())).usage).toEqual({ inputTokens: 1, outputTokens: 4, cost: null });
    await queue.close();
  });
});

test("what came from and went into the provider's cache is input at its own price", async () => {
  const usage = { input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 5 };
  const head = { id: "msg_1", type: "message", role: "assistant", model: "claude-haiku-4-5", stop_reason: "end_turn" };
  const body = JSON.stringify({ ...head, content: [{ type: "text", text: "fine" }], usage });
  server.at.plan({ kind: "garbage", body });
  const prices = { "claude-haiku-4-5": { input: 1e6, output: 5e6, cacheRead: 1e5, cacheWrite: 2e6 } };
  const calls: LlmCall[] = [];
  const stop = onLlmCall((call) => calls.push(call));
  expect(await llmAt(server, "claude-haiku-4-5", { prices }).complete("x")).toBe("fine");
  stop();
  expect(calls).toMatchObject([{ inputTokens: 130, outputTokens: 5, cost: 10 + 10 + 40 + 25 }]);
});

describe("embed", () => {
  test("gives a vector for each text, in order, and none for none", async () => {
    const llm = llmAt(server, "text-embedding-test");
    expect(await llm.embed(["a", "bb"])).toEqual([
      [1, 97, 1],
      [2, 98, 1],
    ]);
    expect(await llm.embed([])).toEqual([]);
    expect(server.at.requests.map(({ path }) => path)).toEqual(["/v1/embeddings"]);
  });

  test("gives each text its own vector where the server lists them in another order", async () => {
    const item = (index: unknown, value: number) => ({ index, embedding: [value] });
    const listed = (...data: object[]) => server.at.plan({ kind: "garbage", body: JSON.stringify({ data }) });
    const llm = llmAt(server, "text-embedding-test");
    listed(item(2, 2), item(0, 0), item(1, 1));
    expect(await llm.embed(["a", "b", "c"])).toEqual([[0], [1], [2]]);
    // What numbers nothing, or all alike, lists them as they were sent.
    for (const index of [0, undefined, "x", -1, 7]) {
      listed(item(index, 0), item(index, 1));
      expect(await llm.embed(["a", "b"]), String(index)).toEqual([[0], [1]]);
    }
  });

  test("gives each text its own vector where a model object takes a few at a time", async () => {
    const model = new MockEmbeddingModelV4({
      modelId: "mine",
      maxEmbeddingsPerCall: 2,
      doEmbed: async ({ values }) => {
        const data = values.map((value, index) => ({ index, embedding: [Number(value)] })).reverse();
        return { embeddings: data.map(({ embedding }) => embedding), response: { body: { data } }, warnings: [] };
      },
    });
    expect(await new LLM(model).embed(["0", "1", "2", "3", "4"])).toEqual([[0], [1], [2], [3], [4]]);
  });

  test("asks for many texts in several calls, each on the job's usage", async () => {
    const llm = llmAt(server, "text-embedding-test");
    const queue = new InMemoryQueue();
    const embed = background({ queue, maxRetries: 0 }, async function embed() {
      server.at.plan({ kind: "slow", everyMs: 0 }, { kind: "refuse", status: 400 });
      return llm.embed(Array.from({ length: 3_000 }, () => "four"));
    });
    const job = await embed.wait(await embed.enqueue());
    expect(job).toMatchObject({ status: "failed", usage: { inputTokens: 2_048, outputTokens: 0, cost: 2_048 } });
    await queue.close();
  });

  test("asks for long texts in calls of at most 300,000 bytes, and so of no more tokens", async () => {
    const texts = ["x".repeat(300_001), "a", "é".repeat(75_000), "b".repeat(149_999), "c", "d"];
    const vectors = await llmAt(server, "text-embedding-test").embed(texts);
    expect(vectors.map(([length]) => length)).toEqual(texts.map((text) => text.length));
    expect(server.at.requests.map(({ body }) => (body.input as string[]).length)).toEqual([1, 3, 2]);
  });

  test("counts what each call of a model object used, also when a later one fails", async () => {
    let calls = 0;
    const model = new MockEmbeddingModelV4({
      modelId: "mine",
      maxEmbeddingsPerCall: 2,
      doEmbed: async ({ values }) => {
        if (++calls === 3) throw new Error("not now");
        return { embeddings: values.map(() => [1]), usage: { tokens: 10 }, warnings: [] };
      },
    });
    const llm = new LLM(model, { prices: { mine: { input: 1_000_000, output: 0 } } });
    const queue = new InMemoryQueue();
    const embed = background({ queue, maxRetries: 0 }, async function embed() {
      return llm.embed(["a", "b", "c", "d", "e"]);
    });
    const job = await embed.wait(await embed.enqueue());
    expect(job).toMatchObject({ status: "failed", usage: { inputTokens: 20, outputTokens: 0, cost: 20 } });
    await queue.close();
  });

  test("of which the server does not tell the tokens cost null, and not 0", async () => {
    const llm = llmAt(server, "text-embedding-test");
    const queue = new InMemoryQueue();
    const embed = background({ queue }, async function embed() {
      server.at.plan({ kind: "garbage", body: JSON.stringify({ data: [{ index: 0, embedding: [1, 2] }] }) });
      return llm.embed(["a"]);
    });
    const job = await embed.wait(await embed.enqueue());
    expect(job).toMatchObject({ result: [[1, 2]], usage: { inputTokens: 0, outputTokens: 0, cost: null } });
    await queue.close();
  });

  test("by a model that has none says which has", async () => {
    await expect(llmAt(server, "claude-haiku-4-5").embed(["a"])).rejects.toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("text-embedding-3-small") }),
    );
  });
});

describe("a model object of the AI SDK", () => {
  test("is taken as it is", async () => {
    const { createOpenAI } = await import("@ai-sdk/openai");
    const openai = createOpenAI({ baseURL: server.at.url, apiKey: "any" });
    const llm = new LLM(openai.chat("gpt-test"));
    expect([llm.model, await llm.complete("hi")]).toEqual(["gpt-test", "You said: hi"]);
    expect(await new LLM(openai.embedding("text-embedding-test")).embed(["abc"])).toEqual([[3, 97, 1]]);
    await expect(new LLM(openai.embedding("text-embedding-test")).complete("x")).rejects.toThrow(
      /provides only embeddings/,
    );
    await expect(new LLM(openai.chat("gpt-test")).embed(["x"])).rejects.toThrow(/provides only text/);
  });
});
