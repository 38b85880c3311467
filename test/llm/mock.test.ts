import { type CallOptions, LLM, type LLMClient } from "rapidai";
import { background, InMemoryQueue, RetryAfterError } from "rapidai/background";
import { ManualClock, MockLLM } from "rapidai/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type LlmCall, onLlmCall } from "../../src/llm/calls.ts";
import { textOf } from "./scene.ts";

const USAGE = { inputTokens: 10, outputTokens: 5, cost: 0.25 };

/** What is neither a prompt nor a conversation nor texts. */
const UNASKABLE: readonly (readonly [string, (llm: LLMClient) => Promise<unknown>])[] = [
  ["no prompt", (llm) => llm.complete(undefined as never)],
  ["an object", (llm) => llm.complete({ text: "x" } as never)],
  ["no message", (llm) => llm.chat([])],
  ["a message without content", (llm) => llm.chat([{ role: "user" } as never])],
  ["a message of nobody known", (llm) => llm.chat([{ role: "judge", content: "x" } as never])],
  ["a stream of nothing", (llm) => textOf(llm.stream(null as never))],
  ["a text instead of a list of them", (llm) => llm.embed("ab" as never)],
  ["a list of what are no texts", (llm) => llm.embed(["a", 7] as never)],
];

/** As code that is to be tested is written. */
async function summarize(llm: LLMClient, text: string): Promise<string> {
  return llm.complete(`Summarize: ${text}`);
}

describe("MockLLM", () => {
  test("stands where an LLM does", async () => {
    const clients: LLMClient[] = [new MockLLM(), new LLM("gpt-5-mini")];
    expect(clients.map(({ model }) => model)).toEqual(["mock", "gpt-5-mini"]);
    expect(await summarize(new MockLLM({ response: "short" }), "long")).toBe("short");
  });

  test("answers the same each time, in turn, or as a function says", async () => {
    const same = new MockLLM({ response: "yes" });
    expect([await same.complete("a"), await same.complete("b")]).toEqual(["yes", "yes"]);
    const inTurn = new MockLLM({ response: ["one", new Error("two"), "three"] });
    expect(await inTurn.complete("a")).toBe("one");
    await expect(inTurn.complete("b")).rejects.toThrow("two");
    expect(await inTurn.chat([{ role: "user", content: "c" }])).toBe("three");
    await expect(inTurn.complete("d")).rejects.toThrow("no responses left: it was given 3, but this is call 4");
    const made = new MockLLM({ response: async ({ method, prompt }) => `${method} ${prompt}` });
    expect(await made.complete("this")).toBe("complete this");
    expect(await new MockLLM().complete("x")).toBe("mock response");
  });

  test("remembers what it was asked", async () => {
    const llm = new MockLLM();
    const signal = new AbortController().signal;
    const messages = [
      { role: "system", content: "be brief" },
      { role: "user", content: "hi" },
    ] as const;
    await llm.complete("one", { signal });
    await llm.chat(messages);
    await textOf(llm.stream("three"));
    await textOf(llm.stream(messages));
    await llm.embed(["four", "five"]);
    expect(llm.calls).toEqual([
      { method: "complete", prompt: "one", messages: [], texts: [], options: { signal } },
      { method: "chat", prompt: "hi", messages, texts: [], options: {} },
      { method: "stream", prompt: "three", messages: [], texts: [], options: {} },
      { method: "stream", prompt: "hi", messages, texts: [], options: {} },
      { method: "embed", prompt: "", messages: [], texts: ["four", "five"], options: {} },
    ]);
  });

  test("streams its answer word by word, nothing of it lost", async () => {
    const response = "  Once upon\n\na time, 1 + 1 = 2. ";
    const pieces: string[] = [];
    for await (const piece of new MockLLM({ response }).stream("tell")) pieces.push(piece);
    expect(pieces.length).toBe(9);
    expect(pieces.join("")).toBe(response);
    for (const blank of ["", " \n"]) expect(await textOf(new MockLLM({ response: blank }).stream("tell"))).toBe(blank);
  });

  test("embeds the same text alike, similar ones close to one another, each with length 1", async () => {
    const dot = (a: number[] = [], b: number[] = []) => a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
    const texts = ["the cat sat on the mat", "A cat sat on a mat!", "stock prices fell sharply", ""];
    const [cat, other, stocks, nothing] = await new MockLLM().embed(texts);
    expect(await new MockLLM().embed([texts[0] as string])).toEqual([cat]);
    for (const vector of [cat, other, stocks, nothing]) expect(dot(vector, vector)).toBeCloseTo(1, 10);
    expect(dot(cat, other)).toBeGreaterThan(dot(cat, stocks) + 0.3);
    expect((await new MockLLM({ dimensions: 3 }).embed(["x"]))[0]).toHaveLength(3);
  });

  test("records what it is said to use, on the job, and tells listeners of each call", async () => {
    const clock = new ManualClock();
    const queue = new InMemoryQueue({ clock });
    const calls: LlmCall[] = [];
    const stop = onLlmCall((call) => calls.push(call));
    const llm = new MockLLM({
      usage: USAGE,
      response: ["one", new RetryAfterError("90s"), "three"],
      model: "claude-x",
    });
    const work = background({ queue }, async function work() {
      return [await llm.complete("a"), await llm.complete("b")];
    });
    const jobId = await work.enqueue();
    await clock.drain();
    expect(await work.getResult(jobId)).toMatchObject({ status: "pending", usage: USAGE });
    await clock.advance("89s");
    expect(llm.calls).toHaveLength(2);
    await clock.advance("1s");
    await clock.drain();
    stop();
    expect(calls.map(({ inputTokens, cost }) => [inputTokens, cost])).toEqual([
      [10, 0.25],
      [null, null],
      [10, 0.25],
      [null, null],
    ]);
    expect(calls[0]).toMatchObject({ model: "claude-x", method: "complete", error: null, jobId, task: "work" });
    expect(await work.getResult(jobId)).toMatchObject({ status: "failed", usage: { inputTokens: 20, cost: 0.5 } });
    await queue.close();
  });

  test("heeds signals, its own and the job's", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(new MockLLM().complete("x", { signal })).rejects.toThrow("stop");
    await expect(new MockLLM().embed(["x"], { signal })).rejects.toThrow("stop");
    const controller = new AbortController();
    let text = "";
    const read = async () => {
      for await (const piece of new MockLLM({ response: "one two three" }).stream("x", { signal: controller.signal })) {
        text += piece;
        controller.abort(new Error("enough"));
      }
    };
    await expect(read()).rejects.toThrow("enough");
    expect(text).toBe("one ");
  });

  test("ends at an abort while its answer is being made, as an LLM does", async () => {
    const llm = new MockLLM({ response: () => new Promise(() => {}) });
    const calls: LlmCall[] = [];
    onTestFinished(onLlmCall((call) => calls.push(call)));
    const ways = [
      (options: CallOptions) => llm.complete("x", options),
      (options: CallOptions) => llm.chat([{ role: "user", content: "x" }], options),
      (options: CallOptions) => textOf(llm.stream("x", options)),
    ];
    for (const ask of ways) {
      const controller = new AbortController();
      const asked = ask({ signal: controller.signal });
      controller.abort(new Error("changed my mind"));
      await expect(asked, String(ask)).rejects.toBe(controller.signal.reason);
    }
    expect(calls.map(({ error }) => String(error))).toEqual(Array(3).fill("Error: changed my mind"));
  });

  test("ends with its job, which is cancelled while its answer is being made", async () => {
    const clock = new ManualClock();
    const queue = new InMemoryQueue({ clock });
    onTestFinished(() => queue.close({ grace: 0 }));
    const llm = new MockLLM({ response: () => new Promise(() => {}) });
    const ask = background({ queue }, async function ask() {
      return llm.complete("x");
    });
    const jobId = await ask.enqueue();
    await clock.advance(0);
    expect(await ask.cancel(jobId)).toBe(true);
    await clock.drain();
    expect(llm.calls).toHaveLength(1);
  });

  test("tells of a stream what an LLM does: its tokens at its end, and an abort midway as a failure", async () => {
    const llm = new MockLLM({ response: "one two", usage: USAGE });
    const calls: LlmCall[] = [];
    onTestFinished(onLlmCall((call) => calls.push(call)));
    expect(await textOf(llm.stream("x"))).toBe("one two");
    for await (const _ of llm.stream("x")) {
      expect(calls).toHaveLength(1);
      break;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = (async () => {
      for await (const _ of llm.stream("x", { signal })) controller.abort(new Error("enough"));
    })();
    await expect(aborted).rejects.toThrow("enough");
    expect(calls.map(({ inputTokens, outputTokens, cost, error }) => [inputTokens, outputTokens, cost, error])).toEqual(
      [
        [10, 5, 0.25, null],
        [null, null, null, null],
        [null, null, null, signal.reason],
      ],
    );
  });

  test.each(UNASKABLE)("%s is refused as an LLM refuses it", async (_, ask) => {
    const mock = new MockLLM({ model: "gpt-5-mini" });
    const [byMock, byLlm] = await Promise.all(
      [mock, new LLM("gpt-5-mini", { apiKey: "any" })].map((llm) => ask(llm).catch((error) => error)),
    );
    expect(byMock).toMatchObject({
      name: "PermanentError",
      message: expect.stringMatching(/^The input of gpt-5-mini must be /),
    });
    expect(byMock).toEqual(byLlm);
    expect(mock.calls).toEqual([]);
  });

  test.each<readonly [string, (llm: LLMClient) => Promise<unknown>]>([
    ["maxTokens", (llm) => llm.complete("x", { maxTokens: 7 } as never)],
    ["maxTokens", (llm) => textOf(llm.stream("x", { maxTokens: 7 } as never))],
    ["sginal", (llm) => llm.embed(["x"], { sginal: AbortSignal.abort() } as never)],
    ["signal", (llm) => llm.chat([{ role: "user", content: "x" }], { signal: "soon" } as never)],
  ])(
    "an option of a call that would have no effect, %s, is refused for good, as an LLM refuses it",
    async (name, ask) => {
      const clients = [new MockLLM(), new LLM("gpt-5-mini", { apiKey: "any" })];
      for (const llm of clients) {
        const error = await ask(llm).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: "invalid_option", message: expect.stringContaining(name) });
        expect(error).toMatchObject({ cause: { name: "PermanentError" } });
      }
    },
  );

  test("refuses options that it does not know", () => {
    expect(() => new MockLLM({ responses: [] } as never)).toThrow(
      /'responses' is not one of the options of MockLLM: use response, /,
    );
    expect(() => new MockLLM({ dimensions: 0 })).toThrow(/dimensions/);
  });
});

test("a listener that throws harms neither call nor other listeners, and can be taken away", async () => {
  const heard: string[] = [];
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const stops = [
    onLlmCall(() => {
      throw new Error("mine");
    }),
    onLlmCall(({ model }) => heard.push(model)),
  ];
  expect(await new MockLLM().complete("x")).toBe("mock response");
  expect(heard).toEqual(["mock"]);
  expect((await warned).message).toContain("mine");
  for (const stop of stops) stop();
  await new MockLLM().complete("x");
  expect(heard).toEqual(["mock"]);
});

test("a listener that rejects harms nothing either", async () => {
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const rejections: unknown[] = [];
  const note = (reason: unknown) => rejections.push(reason);
  process.on("unhandledRejection", note);
  const stop = onLlmCall(async () => {
    throw new Error("mine, later");
  });
  expect(await new MockLLM().complete("x")).toBe("mock response");
  stop();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(rejections).toEqual([]);
  expect((await warned).message).toContain("mine, later");
});
