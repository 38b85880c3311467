import { expect, test, vi } from "vitest";
import { argumentsOf, type Program, start } from "./program.ts";

vi.setConfig({ testTimeout: 30_000, maxConcurrency: 2 });

interface Service extends Program {
  /** Answers with the status and the body. */
  call(request: string, body?: object): Promise<{ status: number; body: Body }>;
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
type Body = any;

/** An example as its reader would start it to try it with curl. */
async function serve(name: string): Promise<Service> {
  const program = start(process.execPath, [...argumentsOf(`example:${name}`), "--serve"]);
  const [, url] = await program.printed(/Listening on (http:\S+)/);
  return {
    ...program,
    call: async (request, body) => {
      const [method = "", path] = request.split(" ");
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      return { status: response.status, body: await response.json() };
    },
  };
}

async function done({ call }: Service, path: string): Promise<Body> {
  return eventually(async () => {
    const { body } = await call(`GET ${path}`);
    expect(body.status).toMatch(/completed|failed|cancelled/);
    return body;
  });
}

/** Until it does not throw any more. */
function eventually<T>(look: () => Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 10_000 });
}

test.concurrent("quick-start", async () => {
  const service = await serve("quick-start");
  const { call } = service;
  const queued = await call("POST /process", { docId: "d7", userId: "u7" });
  expect(queued).toEqual({ status: 200, body: { jobId: expect.any(String), status: "queued" } });
  const { jobId } = queued.body;
  expect(await done(service, `/status/${jobId}`)).toEqual({
    jobId,
    status: "completed",
    result: { docId: "d7", userId: "u7", status: "processed" },
    error: null,
    duration: expect.any(Number),
  });
  expect(await call("POST /process", { docId: 7 })).toMatchObject({ status: 400 });
  expect(await call("GET /status/nothing")).toEqual({ status: 404, body: { error: "Job not found" } });

  service.child.kill("SIGTERM");
  expect(await service.ended).toMatchObject({ code: 0, stderr: "" });
});

test.concurrent("checking-status", async () => {
  const service = await serve("checking-status");
  const { jobId } = (await service.call("POST /texts", { text: "two words" })).body;
  expect(await done(service, `/jobs/${jobId}`)).toEqual({
    jobId,
    status: "completed",
    createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
    attempts: 1,
    maxRetries: 3,
    completedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    duration: expect.any(Number),
    result: { words: 2 },
  });
  const failed = (await service.call("POST /texts", { text: "" })).body;
  const answer = await done(service, `/jobs/${failed.jobId}`);
  expect(answer).toMatchObject({ status: "failed", error: "The text is empty." });
  expect(answer).not.toHaveProperty("result");
  expect(await service.call("GET /jobs/nothing")).toEqual({ status: 404, body: { error: "Job not found" } });
});

test.concurrent("cancelling", async () => {
  const service = await serve("cancelling");
  const { jobId } = (await service.call("POST /reports/2026")).body;
  await eventually(async () => expect((await service.call(`GET /jobs/${jobId}`)).body.status).toBe("running"));
  expect(await service.call(`POST /jobs/${jobId}/cancel`)).toEqual({ status: 200, body: { status: "cancelled" } });
  expect(await service.call(`GET /jobs/${jobId}`)).toMatchObject({ status: 200, body: { status: "cancelled" } });
  const refusal = { status: 404, body: { error: "Job not found or already completed" } };
  expect(await service.call(`POST /jobs/${jobId}/cancel`)).toEqual(refusal);
  expect(await service.call("POST /jobs/nothing/cancel")).toEqual(refusal);
});

test.concurrent("listing", async () => {
  const { call } = await serve("listing");
  const listed = async (query: string) => (await call(`GET /jobs${query}`)).body.jobs;
  const good = (await call("POST /invoices/ada")).body.jobId;
  const bad = (await call("POST /invoices/nobody")).body.jobId;
  const job = (jobId: string, status: string) => ({ jobId, status, createdAt: expect.any(String) });
  await eventually(async () => expect(await listed("?status=failed")).toEqual([job(bad, "failed")]));
  await eventually(async () => expect(await listed("?status=completed")).toEqual([job(good, "completed")]));
  expect(await listed("")).toEqual([job(bad, "failed"), job(good, "completed")]);
  expect(await listed("?status=")).toHaveLength(2);
  expect(await call("GET /jobs?status=nonsense")).toMatchObject({
    status: 400,
    body: { code: "invalid_status", error: expect.stringContaining("pending, running, completed, failed, cancelled") },
  });
});

test.concurrent("status-endpoint", async () => {
  const service = await serve("status-endpoint");
  const { jobId } = (await service.call("POST /imports/50")).body;
  const running = await eventually(async () => {
    const { body } = await service.call(`GET /jobs/${jobId}`);
    expect(body).toMatchObject({ status: "running", progress: { total: 50, fraction: expect.any(Number) } });
    return body;
  });
  expect(Date.parse(running.estimatedCompletion)).toBeGreaterThan(Date.now() - 1_000);
  expect(await done(service, `/jobs/${jobId}`)).toEqual({
    jobId,
    status: "completed",
    progress: { fraction: 1, done: 50, total: 50, message: "row 50 of 50" },
    estimatedCompletion: null,
  });
  expect(await service.call("GET /jobs/nothing")).toEqual({ status: 404, body: { error: "Job not found" } });
});
