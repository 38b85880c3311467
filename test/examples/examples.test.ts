import { globSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { startRedis } from "../redis/server.ts";
import { ROOT, run, scripts } from "./program.ts";

const UUID = "[0-9a-f-]{36}";

/** What is the same in every framework. */
const JOBS_API: readonly (string | RegExp)[] = [
  /Listening on http:\/\/127\.0\.0\.1:\d+/,
  "POST /admin/api/jobs → 201",
  new RegExp(`GET /admin/api/jobs/${UUID} → 200`),
  "result: 'Hello, Ada!'",
  "GET /admin/api/counts → 200",
  "completed: 1",
];

/** What each example has to print, in this order. */
const OUTPUTS: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  ...Object.fromEntries(["hono", "express", "fastify"].map((framework) => [`jobs-api-${framework}`, JOBS_API])),
  "jobs-api-next": ["POST → 201", "GET → 200, completed: Hello, Ada!", "GET from elsewhere → 403"],
  "quick-start": [
    /Listening on http:\/\/127\.0\.0\.1:\d+/,
    new RegExp(`POST /process → 200, jobId ${UUID}`),
    new RegExp(`GET /status/${UUID} → 200`),
    "status: 'completed'",
    "result: { docId: 'd1', userId: 'u1', status: 'processed' }",
    "error: null",
  ],
  "basic-usage": ["is queued", "To user@example.com: Hello. Welcome!", "It is completed: { sent: true }"],
  retries: [
    ...[2, 4, 8, 16, 32].map((s, retry) => new RegExp(`Attempt ${retry + 1}: .* answered 503\\. Again in ${s} s\\.`)),
    "Attempt 6: completed after 62 s, { temperature: 21 }",
  ],
  "checking-status": [
    "status: 'completed'",
    "maxRetries: 3",
    "result: { words: 4 }",
    "status: 'failed'",
    "error: 'The text is empty.'",
    "GET /jobs/unknown → 404",
  ],
  cancelling: [
    "status: 'running'",
    /POST .*cancel → 200\n\{ status: 'cancelled' \}/,
    "status: 'cancelled'",
    /POST .*cancel → 404/,
  ],
  listing: [
    /GET \/jobs → 200\n(?:.*\n)*?.*'failed'(?:.*\n)*?.*'completed'(?:.*\n)*?.*'completed'/,
    /GET \/jobs\?status=failed → 200\n(?:.*\n){4}.*'failed'/,
    "GET /jobs?status=broken → 400",
    "use one of pending, running, completed, failed, cancelled.",
  ],

  "monitored-task": [
    "jobs.started: 3\njobs.completed: 2\njobs.failed: 1\nwords.read: 1500\n",
    "Recorded automatically: 3 started, 2 completed, 1 failed",
  ],
  "monitoring-endpoint": [
    /GET \/monitoring → 200\n(?:.*\n)*? +completed: 3,\n(?:.*\n)*? +total: 3,/,
    'rapidai_jobs_completed_total{queue="memory",task="thumbnail"} 3',
    'rapidai_http_requests_total{method="POST",route="/thumbnails/:width",status="200"} 3',
  ],
  dashboard: [
    /Dashboard: http:\/\/127\.0\.0\.1:\d+\/dashboard/,
    "completed\ncompleted\nfailed",
    "completed: 2, failed: 1",
    "200 text/html; charset=utf-8",
  ],
  "sqlite-queue": ["completed", "Another process finds it: { converted: 'holiday.mov' }"],
  "enqueue-in-transaction": ["receipt of order 1", "Refused: order 2 has a negative total.", "Jobs: 1"],
  "idempotent-task": ["Charging order o-17.", "2 attempts", "the mail server is down", "1 charge.", "isRepeated: true"],
  "retry-counts": [
    "sendNotification failed after 3 attempts, at 0 s, 2 s, 6 s",
    "processPayment failed after 6 attempts, at 0 s, 2 s, 6 s, 14 s, 30 s, 62 s",
    "logAnalytics failed after 1 attempt, at 0 s",
  ],
  "graceful-errors": [
    "ada: completed on attempt 3, { success: true, receipt: 'receipt-1' }",
    "poor: completed on attempt 1, { success: false, error: 'insufficient funds' }",
    "unknown: failed on attempt 1, no such account",
  ],
  "status-endpoint": [
    "status: 'running'",
    /message: 'row \d+ of 60'/,
    /estimatedCompletion: '\d{4}-/,
    "status: 'completed'",
    "fraction: 1, done: 60",
    "estimatedCompletion: null",
  ],
  "in-memory-queue": [
    "Two at a time:",
    new RegExp(`(?:${UUID} started\n){2}(?:${UUID} completed in \\d+ ms\n)`),
    "4 of 4 completed.",
  ],
  "jobs-not-processing": [
    /Status: (?:pending|running|completed)\n/,
    "isHealthy: true",
    "slots: 10",
    /Jobs: \{ pending: \d, running: \d, completed: \d, failed: 0,/,
    "Status: completed, attempts: 1, error: null",
  ],
  "backend-by-environment": ['On the backend "memory": Hello, Ada!'],
  "document-processing": [
    "Summaries: extractive: ",
    /POST \/upload → 200\n(?:.*\n)*?.*statusUrl: '\/jobs\//,
    /GET \/jobs\/.* → 200/,
    "status: 'completed'",
    "filepath: 'leases.html'",
    "status: 'completed'",
    "filepath: 'backoff.md'",
    "status: 'failed'",
    "error: 'Processing failed: ",
  ],
  "ask-documents": [
    "GET /ask → 200 text/event-stream",
    'data: {"sources":["leases.html, line ',
    'data: {"note":"No API key for a language model is set',
    /data: \{"passage":".*fencing token/,
  ],
  "stuck-job": [
    "1 min later: still running, left alone",
    "5 min later: cancelled and restarted",
    "Status: completed on attempt 2, { shop: 'north', products: 120 }",
  ],
};

/** Those that need a server are tried with one and without one below. */
const ON_REDIS = ["redis-in-production", "redis-queue", "redis-with-fallback"];

const examples = globSync(["examples/*.ts", "examples/*/index.ts"], { cwd: ROOT })
  .map((file) => (basename(file) === "index.ts" ? basename(dirname(file)) : basename(file, ".ts")))
  .filter((name) => name !== "tour" && name !== "demo");

// Where more run at a time, some are not ready within the two seconds that they give their queue.
vi.setConfig({ maxConcurrency: 2 });

test("every example has a script that prepares the checkout first, and a test", () => {
  expect(examples.sort()).toEqual([...Object.keys(OUTPUTS), ...ON_REDIS].sort());
  const named = Object.keys(scripts).filter((script) => script.startsWith("example:"));
  expect(named.sort()).toEqual(examples.map((name) => `example:${name}`));
  for (const script of ["demo", ...named]) expect(scripts[`pre${script}`]).toBe("node scripts/setup.mjs");
});

test.concurrent.each(Object.keys(OUTPUTS))(
  "npm run example:%s prints what it says and ends by itself",
  { timeout: 30_000 },
  async (name) => {
    const { code, stdout, stderr } = await run(`example:${name}`);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
    let rest = stdout;
    for (const expected of OUTPUTS[name] ?? []) {
      const at = typeof expected === "string" ? rest.indexOf(expected) : rest.search(expected);
      expect(at, `${expected} in ${rest}`).not.toBe(-1);
      rest = rest.slice(at);
    }
  },
);

describe.skipIf(isWithoutRedis)("with Redis", () => {
  const redis = ownRedis();

  test("backend-by-environment uses it where the environment says so", async () => {
    const { code, stdout } = await run("example:backend-by-environment", { PRODUCTION: "1", REDIS_URL: redis.url });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'On the backend "redis": Hello, Ada!\n' });
  });

  test("redis-queue runs a job that any server could run", async () => {
    const { code, stdout } = await run("example:redis-queue", { REDIS_URL: redis.url });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "completed { processed: 'the books of 1842' }\n" });
  });

  test("redis-in-production looks at the server before it works, and says what to mend", async () => {
    const { code, stdout, stderr } = await run("example:redis-in-production", { REDIS_URL: redis.url });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/noeviction.*\ncompleted/s) });
    expect(stderr).toMatch(/^appendonly_off: Redis writes no append-only file.* Set appendonly yes\.\n$/);
  });

  test("redis-in-production does not begin on a server that removes keys when its memory is full", async () => {
    const lossy = await startRedis({ maxmemory: "100mb", "maxmemory-policy": "allkeys-lru" });
    try {
      const { code, stdout, stderr } = await run("example:redis-in-production", { REDIS_URL: lossy.url });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^unsafe_backend: .* set maxmemory-policy noeviction/);
    } finally {
      await lossy.stop();
    }
  });

  test("redis-with-fallback does not fall back", async () => {
    const { code, stdout } = await run("example:redis-with-fallback", { REDIS_URL: redis.url });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "Hello, Ada! On redis.\n" });
  });
});

describe("without Redis", () => {
  const nowhere = { REDIS_URL: "redis://127.0.0.1:1" };

  test("backend-by-environment says so, and does not use memory instead", async () => {
    const { code, stdout, stderr } = await run("example:backend-by-environment", { PRODUCTION: "1", ...nowhere });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^queue_unavailable: .* Redis at redis:\/\/127\.0\.0\.1:1 cannot be reached/);
  });

  test("redis-queue says so", async () => {
    const { code, stderr } = await run("example:redis-queue", nowhere);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^queue_unavailable: /);
  });

  test("redis-with-fallback falls back, and says why", async () => {
    const { code, stdout } = await run("example:redis-with-fallback", nowhere);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Redis connection failed: .* cannot be reached.*\nHello, Ada! On memory\.\n$/);
  });
});
