import { background, InMemoryQueue, PermanentError } from "rapidai/background";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { openApiDocument } from "../../src/http/openapi.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { type Answer, type Caller, callerOf } from "./scene.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
const document = openApiDocument("/admin/api") as any;

/** A schema of the document as a check, also of what it does not speak of: a client that is made of it would not have that. */
function checkOf(schema: unknown): z.ZodType {
  const moved = JSON.stringify({ ...(schema as object), $defs: document.components.schemas });
  const closed = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && "properties" in value
      ? { additionalProperties: false, ...value }
      : value;
  return z.fromJSONSchema(JSON.parse(moved.replaceAll("#/components/schemas/", "#/$defs/"), closed));
}

const checks = new Map<string, z.ZodType>();
/** What the document says of an answer; `undefined` when it says nothing of this status. */
function expected(operation: string, status: number): { readonly type: string; readonly check: z.ZodType } | undefined {
  const [method = "", path = ""] = operation.split(" ");
  const content = document.paths[path]?.[method.toLowerCase()]?.responses[status]?.content;
  if (content === undefined) return undefined;
  const [type = ""] = Object.keys(content);
  const { schema } = content[type];
  const key = JSON.stringify(schema);
  const check = checks.get(key) ?? checkOf(schema);
  checks.set(key, check);
  return { type, check };
}

test("it has every route, and no other", () => {
  const routes = ROUTES.map(({ method, path }) => `${method} ${path.replace(":id", "{id}")}`);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(operations.sort()).toEqual(routes.sort());
  expect(document).toMatchObject({ openapi: "3.1.0", servers: [{ url: "/admin/api" }] });
});

test("every schema that it refers to is there, and each that is there is referred to", () => {
  const text = JSON.stringify(document);
  const referred = new Set(Array.from(text.matchAll(/#\/components\/schemas\/(\w+)/g), ([, name]) => name));
  expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
});

test("parameters that it names are taken, and those of paths are required", () => {
  for (const [path, methods] of Object.entries<Record<string, { parameters: { name: string; in: string }[] }>>(
    document.paths,
  )) {
    for (const { parameters } of Object.values(methods)) {
      expect(parameters.some((parameter) => parameter.in === "path")).toBe(path.includes("{id}"));
    }
  }
});

let seen: { readonly operation: string; readonly answer: Answer }[] = [];

/** Calls everything there is, in ways that end well and ways that do not. */
async function callAll(): Promise<void> {
  const queue = new InMemoryQueue();
  onTestFinished(() => queue.close({ grace: 0 }));
  const work = background({ queue, name: "work" }, async (payload: unknown, job) => {
    job.log("line");
    job.progress({ done: 1, total: 2, message: "half" });
    if (payload === "fail") throw new PermanentError("as told");
    return payload;
  });
  const caller: Caller = callerOf({ queue, basePath: "/admin/api" });
  const see = async (operation: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const isChange = operation.startsWith("POST");
    const answer = await (isChange ? caller.post(path, body, headers) : caller.get(path, headers));
    seen.push({ operation, answer });
    return answer.body;
  };
  const { jobId: completed } = await see("POST /jobs", "/jobs", { task: "work", payload: { x: 1 } });
  const { jobId: failed } = await see("POST /jobs", "/jobs", { task: "work", payload: "fail" });
  const { jobId: waiting } = await see("POST /jobs", "/jobs", { task: "work", payload: 1, delay: "1h" });
  await Promise.all([work.wait(completed), work.wait(failed)]);
  await see("POST /jobs", "/jobs", { task: "unknown" });
  await see("POST /jobs", "/jobs", { task: "work", payload: "x".repeat(3_000_000) });
  await see("POST /jobs", "/jobs", { task: "work" }, { "content-type": "text/plain" });
  const other = await queue.enqueue("other", 1, { delay: "1h" });
  await see("POST /jobs", "/jobs", { task: "work", id: other });
  await see("GET /jobs", "/jobs?limit=2");
  await see("GET /jobs", "/jobs?search=x&status=completed&from=2026-01-01&task=work");
  await see("GET /jobs", "/jobs?status=none");
  for (const id of [completed, failed, waiting]) {
    await see("GET /jobs/{id}", `/jobs/${id}`);
    await see("GET /jobs/{id}/explain", `/jobs/${id}/explain`);
  }
  await see("GET /waiting", "/waiting");
  for (const what of ["", "/explain", "/events"]) await see(`GET /jobs/{id}${what}`, `/jobs/none${what}`);
  for (const [what, id] of [
    ["cancel", waiting],
    ["retry", failed],
  ]) {
    await see(`POST /jobs/{id}/${what}`, `/jobs/${id}/${what}`);
    await see(`POST /jobs/{id}/${what}`, `/jobs/${completed}/${what}`);
    await see(`POST /jobs/{id}/${what}`, `/jobs/none/${what}`);
    await see(`POST /jobs/${what}`, `/jobs/${what}`, { task: "nothing", limit: 1 });
    await see(`POST /jobs/${what}`, `/jobs/${what}`, { status: "completed" });
  }
  for (const path of ["/counts", "/health", "/tasks", "/metrics", "/stats", "/openapi.json"])
    await see(`GET ${path}`, path);
  await see("GET /stats", "/stats?after=soon");
  await see("GET /counts", "/counts", undefined, { host: "evil.example" });
  for (const path of ["/events", `/jobs/${completed}/events`]) {
    const stream = await caller.events(path);
    await stream.next();
    const { status, headers } = stream.response;
    seen.push({ operation: `GET ${path.replace(completed, "{id}")}`, answer: { status, headers, body: "" } });
    stream.close();
  }
  const hanging = callerOf({ queue, auth: () => new Promise(() => {}), limits: { timeout: 1 } });
  seen.push({ operation: "GET /health", answer: await hanging.get("/health") });
  await queue.close();
  await see("GET /health", "/health");
  await see("GET /jobs", "/jobs");
}

beforeAll(() => {
  seen = [];
});

test("every answer fits what it says and has nothing besides, and every good answer that it promises is given", {
  timeout: 60_000,
}, async () => {
  await callAll();
  for (const { operation, answer } of seen) {
    const what = `${operation} ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
    const said = expected(operation, answer.status);
    expect(said, what).toBeDefined();
    expect(answer.headers.get("content-type")?.split(";")[0], what).toBe(said?.type);
    const checked = said?.check.safeParse(answer.body);
    expect(checked?.error?.issues ?? [], what).toEqual([]);
  }
  const given = new Set(seen.map(({ operation, answer }) => `${operation} ${answer.status}`));
  const promised = Object.entries<Record<string, { responses: object }>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  const own = promised.filter((name) => / (2\d\d|404|409)$/.test(name));
  expect(own.filter((name) => !given.has(name))).toEqual([]);
});

test("the checks see what does not fit", () => {
  const { check } = expected("GET /counts", 200) ?? {};
  const counts = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  expect(check?.safeParse({ byStatus: counts, byTask: { a: counts } }).success).toBe(true);
  expect(check?.safeParse({ byStatus: counts, byTask: { a: { pending: 1 } } }).success).toBe(false);
  expect(check?.safeParse({ byStatus: { ...counts, pending: -1 }, byTask: {} }).success).toBe(false);
  expect(check?.safeParse({ byStatus: { ...counts, asleep: 1 }, byTask: {} }).success).toBe(false);
});
