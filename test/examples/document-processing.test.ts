// The complete example over real HTTP, on every queue, with a language model's protocol on a local server and without one.

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type ModelServer, startModelServer } from "../llm/wire/model-server.ts";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "../stores/folder.ts";
import { argumentsOf, start } from "./program.ts";

vi.setConfig({ testTimeout: 60_000 });

// biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
type Body = any;

interface Service {
  upload(filepath: unknown): Promise<{ status: number; body: Body }>;
  job(jobId: string): Promise<{ status: number; body: Body }>;
  /** Uploads, and resolves with the job once it is done. */
  process(filepath: string): Promise<Body>;
}

const folder = ownFolder();
const redis = ownRedis();
let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer({ key: "sk-test" });
});
afterEach(() => model.reset());
afterAll(() => model.close());

/** Ends with its test: on a queue that is shared it would work for the next one. */
async function open(example: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const program = start(process.execPath, [...argumentsOf(`example:${example}`), "--serve"], environment);
  onTestFinished(async () => {
    program.child.kill("SIGKILL");
    const { stderr } = await program.ended;
    expect(stderr).toBe("");
  });
  const [, url = ""] = await program.printed(/Listening on (http:\S+)/);
  return url;
}

async function serve(environment: Readonly<Record<string, string>>): Promise<Service> {
  const url = await open("document-processing", environment);
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, body: (await response.json()) as Body };
  };
  const service: Service = {
    upload: (filepath) =>
      call("/upload", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ filepath, userId: "u1" }),
      }),
    job: (jobId) => call(`/jobs/${jobId}`),
    process: async (filepath) => {
      const { status, body } = await service.upload(filepath);
      expect({ status, ...body }).toMatchObject({ status: 200, message: "Document processing started" });
      return vi.waitFor(
        async () => {
          const { body: job } = await call(body.statusUrl);
          expect(job.status).toMatch(/completed|failed/);
          return job;
        },
        { timeout: 20_000 },
      );
    },
  };
  return service;
}

const QUEUES: readonly [string, () => string][] = [
  ["memory", () => "memory:"],
  ["SQLite", () => `sqlite:${join(folder, "jobs.db")}`],
  ...(isWithoutRedis ? [] : [["Redis", () => redis.url] as [string, () => string]]),
];

describe.each(QUEUES)("on a queue in %s", (_, urlOf) => {
  test("a document is split, summarized in its own words and told with its progress; what cannot be read fails at once", async () => {
    const service = await serve({ RAPIDAI_QUEUE_URL: urlOf() });
    const job = await service.process("leases.html");
    expect(job).toMatchObject({
      status: "completed",
      attempts: 1,
      usage: null,
      progress: { fraction: 1 },
      result: { filepath: "leases.html", userId: "u1", chunks: expect.any(Number) },
      duration: expect.any(Number),
    });
    expect(job.result.chunks).toBeGreaterThan(1);
    expect(job.result.summary).toMatch(/lease|worker|job/);
    expect(job.result.summary).not.toContain("must not end up");

    for (const filepath of ["missing.pdf", "../index.ts", "/etc/passwd"]) {
      const failed = await service.process(filepath);
      expect(failed).toMatchObject({
        status: "failed",
        attempts: 1,
        error: expect.stringMatching(/^Processing failed: /),
      });
    }
    expect((await service.upload(7)).status).toBe(400);
    expect((await service.job("unknown")).status).toBe(404);
  });

  test("a model's server is called, waited for when it is busy, and what it used is with the job", async () => {
    const keys = { ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: model.url };
    const service = await serve({ RAPIDAI_QUEUE_URL: urlOf(), ...keys });
    model.plan({ kind: "refuse", status: 429, headers: { "retry-after": "1" } });
    const job = await service.process("backoff.md");
    expect(job).toMatchObject({
      status: "completed",
      attempts: 2,
      result: { summary: expect.stringMatching(/^You said: Summarize/) },
    });
    expect(job.usage.inputTokens).toBeGreaterThan(0);
    expect(job.usage.cost).toBeGreaterThan(0);
    expect(model.requests).toHaveLength(2);

    model.plan({ kind: "refuse", status: 400, message: "prompt is too long" });
    const refused = await service.process("backoff.md");
    expect(refused).toMatchObject({
      status: "failed",
      attempts: 1,
      error: expect.stringMatching(/prompt is too long/),
    });
  });
});

test("an answer about documents is streamed as it comes, after where it is from; without a model the passages are", async () => {
  const ask = async (environment: Readonly<Record<string, string>>) => {
    const url = await open("ask-documents", environment);
    return (await fetch(`${url}/ask?question=What+is+a+fencing+token+for`)).text();
  };
  const offline = await ask({});
  expect(offline).toMatch(/data: \{"sources":\["leases\.html, line \d+"/);
  expect(offline).toMatch(/data: \{"passage":"[^\n]*fencing token/);
  const streamed = await ask({ ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: model.url });
  expect(streamed.match(/data: \{"text":/g)?.length).toBeGreaterThan(2);
  expect(streamed).not.toContain('passage":');
});

test("a model's work on an answer ends when the client has gone, also before the answer begins", async () => {
  const url = await open("ask-documents", { ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: model.url });
  model.plan({ kind: "hang" });
  const leaving = new AbortController();
  await fetch(`${url}/ask?question=What+is+a+fencing+token+for`, { signal: leaving.signal });
  await vi.waitFor(() => expect(model.requests).toHaveLength(1), { timeout: 25_000, interval: 5 });
  leaving.abort();
  await vi.waitFor(() => expect(model.left).toBe(1), { timeout: 25_000, interval: 5 });
});
