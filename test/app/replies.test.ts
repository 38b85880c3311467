import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import { background } from "../../src/background/background.ts";
import { JobError } from "../../src/background/core/errors.ts";
import { newJobId } from "../../src/background/engine/ids.ts";
import { InMemoryQueue } from "../../src/background/queues.ts";
import { TestClient, type TestResponse } from "../../src/testing/test-client.ts";
import { type MemoryLogger, memoryLogger } from "./memory-logger.ts";

async function replyTo(reply: () => unknown, logger: MemoryLogger = memoryLogger()): Promise<TestResponse> {
  return new TestClient(new App({ logger }).get("/", reply as () => object)).get("/");
}

test("[body, status] is sent with that status", async () => {
  const response = await replyTo(() => [{ error: "Job not found" }, 404]);
  expect([response.status, await response.json()]).toEqual([404, { error: "Job not found" }]);
  expect((await replyTo(async () => [await Promise.resolve(1), 201])).status).toBe(201);
});

test.each([
  ["one element", [404]],
  ["three elements", [{}, 404, 1]],
  ["a status below 200", [1, 199]],
  ["a status above 599", [1, 600]],
  ["a fraction", [1, 200.5]],
  ["a status that is a text", [1, "404"]],
  ["numbers that are data", [3, 4]],
  ["nothing", []],
])("an array with %s is JSON", async (_, reply) => {
  const response = await replyTo(() => reply);
  expect([response.status, await response.json()]).toEqual([200, reply]);
});

test.each([204, 205, 304])("a status of %i is sent without a body", async (status) => {
  const response = await replyTo(() => [{ ignored: true }, status]);
  expect([response.status, await response.text(), response.headers.get("content-type")]).toEqual([status, "", null]);
});

test("a handler that returns nothing is a 204, null is JSON, and nothing with a status has no body", async () => {
  expect((await replyTo(() => undefined)).status).toBe(204);
  const none = await replyTo(() => null);
  expect([none.status, await none.json()]).toEqual([200, null]);
  const created = await replyTo(() => [undefined, 201]);
  expect([created.status, await created.text()]).toEqual([201, ""]);
});

test.each([["text"], [0], [false], [{ a: [1] }]])("%j is sent as JSON", async (value) => {
  const response = await replyTo(() => value);
  expect([response.headers.get("content-type"), await response.json()]).toEqual(["application/json", value]);
});

test("a Response is passed through, and with a status keeps its headers", async () => {
  const response = await replyTo(() => new Response("hi", { status: 418, headers: { "x-a": "1" } }));
  expect([response.status, response.headers.get("x-a"), await response.text()]).toEqual([418, "1", "hi"]);
  const changed = await replyTo(() => [new Response("hi", { headers: { "x-a": "1" } }), 201]);
  expect([changed.status, changed.headers.get("x-a"), await changed.text()]).toEqual([201, "1", "hi"]);
});

test("what JSON would lose in silence is kept readable", async () => {
  const reply = {
    big: 12345678901234567890n,
    at: new Date(0),
    map: new Map<string, unknown>([["a", new Set([1n])]]),
    bytes: Buffer.from("hi"),
    error: new TypeError("bad"),
    url: new URL("http://a/b"),
    pattern: /x/g,
    own: { toJSON: () => "own" },
    inMap: new Map([[1, { toJSON: () => "own" }]]),
  };
  expect(await (await replyTo(() => reply)).json()).toEqual({
    big: "12345678901234567890",
    at: "1970-01-01T00:00:00.000Z",
    map: [["a", ["1"]]],
    bytes: "aGk=",
    error: { name: "TypeError", message: "bad" },
    url: "http://a/b",
    pattern: "/x/g",
    own: "own",
    inMap: [[1, "own"]],
  });
});

test("what knows itself how it is JSON is that, whatever it is made from", async () => {
  class Upload extends File {
    toJSON = () => this.name;
  }
  const later = Object.assign(Promise.resolve(1), { toJSON: () => "later" });
  expect(await (await replyTo(() => [new Upload([], "a.txt"), later, 1])).json()).toEqual(["a.txt", "later", 1]);
});

test("what JSON has no value for is as JSON.stringify has it", async () => {
  const reply = { run: () => 1, symbol: Symbol("x"), nothing: undefined, number: Number.NaN, at: new Date(Number.NaN) };
  expect(await (await replyTo(() => reply)).json()).toEqual({ number: null, at: null });
});

test("a cycle is marked, also through a Map", async () => {
  const cycle: Record<string, unknown> = { name: "a" };
  cycle.self = cycle;
  expect(await (await replyTo(() => cycle)).json()).toEqual({ name: "a", self: "[Circular]" });
  const map = new Map<string, unknown>();
  map.set("self", map);
  expect((await replyTo(() => map)).status).toBe(200);
});

test("a small graph with more paths than a text should hold is sent in part", async () => {
  let doubling: unknown = ["end"];
  for (let level = 0; level < 23; level++) doubling = [doubling, doubling];
  const response = await new TestClient(new App().get("/", () => ({ doubling }))).get("/");
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("[Repeated]");
}, 30_000);

test.each<[string, () => unknown]>([
  [
    "throws",
    () => {
      throw new Error("secret path /etc");
    },
  ],
  [
    "rejects",
    async () => {
      throw new Error("secret path /etc");
    },
  ],
  [
    "throws what is no Error",
    () => {
      throw "secret path /etc";
    },
  ],
  [
    "throws nothing",
    () => {
      throw undefined;
    },
  ],
  [
    "throws a JobError that is not about input",
    () => {
      throw new JobError("queue_closed", "secret path /etc");
    },
  ],
  ["returns a function", () => () => 1],
  ["forgot to wait for a promise", () => ({ job: Promise.resolve(1) })],
  ["returns a Blob", () => new Blob(["abc"])],
  ["returns Headers in a Map", () => new Map([["headers", new Headers({ a: "1" })]])],
  [
    "returns what cannot be read",
    () => ({
      get a() {
        throw new Error("secret path /etc");
      },
    }),
  ],
  [
    "throws before a stream's first value",
    async function* () {
      yield await Promise.reject(new Error("secret path /etc"));
    },
  ],
])("a handler that %s is a 500 without internals, and is logged", async (_, handler) => {
  const logger = memoryLogger();
  const response = await replyTo(handler, logger);
  expect([response.status, await response.json()]).toEqual([500, { error: "Internal Server Error" }]);
  expect(logger.errors).toHaveLength(1);
  expect(logger.errors[0]?.[0]).toBe("GET / failed.");
});

test.each([
  ["throws", () => fail("disk full")],
  ["rejects", async () => fail("disk full")],
])("a logger that %s does not take the response with it, nor the process", async (_, error) => {
  const app = new App({ logger: { ...memoryLogger(), error } }).get("/", () => fail("x"));
  expect((await new TestClient(app).get("/")).status).toBe(500);
});

function fail(message: string): never {
  throw new Error(message);
}

test("a job that is waited for and is not there is a 404", async () => {
  const queue = new InMemoryQueue();
  const task = background({ queue, name: "task" }, async () => 1);
  const app = new App({ logger: memoryLogger() }).get("/jobs/:id/wait", ({ id }) => task.wait(id));
  for (const id of ["nonsense", newJobId()]) {
    const response = await new TestClient(app).get(`/jobs/${id}/wait`);
    expect([response.status, (await response.json()).code]).toEqual([404, "job_not_found"]);
  }
  await queue.close();
});

test("a JobError about input is a 400 with its message and code, and is not logged", async () => {
  const logger = memoryLogger();
  const response = await replyTo(() => {
    throw new JobError("invalid_status", "There is no status 'done'.");
  }, logger);
  expect([response.status, await response.json()]).toEqual([
    400,
    { error: "There is no status 'done'.", code: "invalid_status" },
  ]);
  expect(logger.errors).toEqual([]);
});

test("fetch works when it is taken off the app", async () => {
  const { fetch } = new App().get("/", () => 1);
  expect(await (await fetch(new Request("http://localhost/"))).json()).toBe(1);
});
