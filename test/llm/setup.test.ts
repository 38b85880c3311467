import { fileURLToPath } from "node:url";
import { LLM, type LLMOptions } from "rapidai";
import { background, InMemoryQueue } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import { start } from "../examples/program.ts";
import { modelServer } from "./scene.ts";

const server = modelServer({ key: "from-the-environment" });
const PROGRAM = fileURLToPath(new URL("./programs/without-packages.ts", import.meta.url));

async function without(...packages: string[]): Promise<Record<string, { code: string; message: string } | string>> {
  const args = ["--import", "./scripts/from-source.ts", PROGRAM, ...packages];
  const { stdout, stderr } = await start(process.execPath, args).ended;
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

describe("a missing package", () => {
  test("is said in one sentence, with the command that installs it; the mock needs none", async () => {
    const said = await without("ai", "@ai-sdk/anthropic", "@ai-sdk/openai");
    const missing = (model: string, provider: string) => ({
      code: "package_missing",
      message: expect.stringMatching(
        new RegExp(`^${model} needs the package (ai|${provider}): npm install ai ${provider}$`),
      ),
    });
    expect(said).toEqual({
      mock: "fine",
      "claude-haiku-4-5": missing("claude-haiku-4-5", "@ai-sdk/anthropic"),
      "gpt-5-mini": missing("gpt-5-mini", "@ai-sdk/openai"),
      "text-embedding-3-small": missing("text-embedding-3-small", "@ai-sdk/openai"),
    });
  });

  test("of one provider is no matter to the other", async () => {
    const said = await without("@ai-sdk/anthropic");
    expect(said["claude-haiku-4-5"]).toEqual({
      code: "package_missing",
      message: "claude-haiku-4-5 needs the package @ai-sdk/anthropic: npm install ai @ai-sdk/anthropic",
    });
    expect(said["gpt-5-mini"]).toMatchObject({ code: "llm_failed" });
    expect(said["text-embedding-3-small"]).toMatchObject({ code: "llm_failed" });
  });
});

describe("the key", () => {
  test.each([
    ["claude-haiku-4-5", "ANTHROPIC_API_KEY"],
    ["gpt-5-mini", "OPENAI_API_KEY"],
  ])("of %s comes from %s, when the call is made", async (model, variable) => {
    const llm = new LLM(model, { baseURL: server.at.url });
    vi.stubEnv(variable, "");
    const message = `The API key for ${model} is not set: set ${variable}, or the apiKey option of LLM.`;
    await expect(llm.complete("x")).rejects.toMatchObject({ code: "api_key_missing", message });
    await expect(llm.stream("x").next()).rejects.toMatchObject({ code: "api_key_missing", message });
    vi.stubEnv(variable, "from-the-environment");
    expect(await llm.complete("x")).toBe("You said: x");
  });

  test("that is missing fails the job at once, since no retry can help", async () => {
    vi.stubEnv("OPENAI_API_KEY", "");
    const queue = new InMemoryQueue();
    const ask = background({ queue }, async function ask() {
      return new LLM("gpt-5-mini", { baseURL: server.at.url }).complete("x");
    });
    const job = await ask.wait(await ask.enqueue());
    expect(job).toMatchObject({ status: "failed", attempts: 1, usage: null });
    expect(job.error).toContain("set OPENAI_API_KEY");
    await queue.close();
  });

  test("is not needed for a server of one's own", async () => {
    vi.stubEnv("OPENAI_API_KEY", "");
    const llm = new LLM("llama", { provider: "openai-compatible", baseURL: server.at.url });
    await expect(llm.complete("x")).rejects.toThrow("invalid key: none");
  });
});

describe("the model", () => {
  test.each([
    ["claude-3-haiku-20240307", "/v1/messages"],
    ["Claude-Next", "/v1/messages"],
    ["gpt-4o", "/v1/responses"],
    ["o3", "/v1/responses"],
    ["o4-mini", "/v1/responses"],
    ["chatgpt-4o-latest", "/v1/responses"],
  ])("%s is asked at %s", async (model, path) => {
    await new LLM(model, { baseURL: server.at.url, apiKey: "from-the-environment" }).complete("x");
    expect(server.at.requests.map((request) => request.path)).toEqual([path]);
  });

  test.each(["llama", "oops", "text-davinci", "my-claude", ""])("%o tells no provider", (model) => {
    expect(() => new LLM(model)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });

  test.each([undefined, null, 7, {}])("%o is none", (model) => {
    expect(() => new LLM(model as never)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });
});

describe("options", () => {
  const wrong: readonly (readonly [string, object])[] = [
    ["apikey", { apikey: "x" }],
    ["provider", { provider: "mistral" }],
    ["maxTokens", { maxTokens: 0 }],
    ["timeout", { timeout: "soon" }],
    ["baseURL", { baseURL: "localhost:1234" }],
    ["baseURL", { baseURL: "ftp://localhost" }],
    ["baseURL", { baseURL: "http://user:pa55@localhost" }],
    ["baseURL", { baseURL: "http://localhost/v1?api-key=pa55" }],
    ["baseURL", { baseURL: "http://localhost/v1#pa55" }],
  ];
  test.each(wrong)("%s: %o is refused, and what is secret is not shown", (name, options) => {
    const make = () => new LLM("gpt-5", options as LLMOptions);
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(name) }));
    expect(make).not.toThrow(/pa55/);
  });

  test("each may be undefined", () => {
    const none = {
      provider: undefined,
      baseURL: undefined,
      apiKey: undefined,
      maxTokens: undefined,
      timeout: undefined,
    };
    expect(new LLM("gpt-5", none).model).toBe("gpt-5");
  });
});

test("the model server runs as a process of its own too, and is told over HTTP what to do", async () => {
  const program = fileURLToPath(new URL("./wire/program.ts", import.meta.url));
  const { child, printed, ended } = start(process.execPath, ["--import", "./scripts/from-source.ts", program]);
  const [url] = await printed(/http:\S+/);
  const plans = [{ kind: "refuse", status: 429, headers: { "retry-after": "2" } }];
  await fetch(new URL("/plan", url), { method: "POST", body: JSON.stringify(plans) });
  const llm = new LLM("claude-haiku-4-5", { baseURL: url, apiKey: "any" });
  await expect(llm.complete("x")).rejects.toMatchObject({ delayMs: 2_000 });
  expect(await llm.complete("x")).toBe("You said: x");
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});
