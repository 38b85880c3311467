import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import type { ServerSentEvent } from "../../src/app/event-reader.ts";
import { JobError } from "../../src/background/core/errors.ts";
import { TestClient, type TestResponse } from "../../src/testing/test-client.ts";
import { memoryLogger } from "./memory-logger.ts";

async function eventsOf(response: TestResponse): Promise<ServerSentEvent[]> {
  const found: ServerSentEvent[] = [];
  for await (const event of response.events()) found.push(event);
  return found;
}

async function dataOf(response: TestResponse): Promise<string[]> {
  return (await eventsOf(response)).map(({ data }) => data);
}

test("an async generator is sent as server-sent events: objects as JSON, texts as they are", async () => {
  const app = new App().get("/", async function* () {
    yield { n: 1 };
    yield " two\nlines\r\nand more";
    yield "";
    yield null;
    yield undefined;
    yield 5n;
  });
  const client = new TestClient(app);
  const response = await client.get("/");
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  expect(await dataOf(response)).toEqual(['{"n":1}', " two\nlines\nand more", "", "null", "null", '"5"']);
  expect(await (await client.get("/")).text()).toMatch(
    /^data: {"n":1}\n\ndata: {2}two\ndata: lines\ndata: and more\n\ndata: \n\n/,
  );
});

test("a stream is to be left as it is by what compresses answers, since that would hold its events back", async () => {
  const app = new App().get("/", async function* () {});
  const { headers } = await new TestClient(app).get("/");
  expect(headers.get("cache-control")).toBe("no-cache, no-transform");
});

test("a stream without values is empty, and one with a status has it", async () => {
  const client = new TestClient(
    new App()
      .get("/none", async function* () {})
      .get("/status", () => [
        (async function* () {
          yield 1;
        })(),
        202,
      ]),
  );
  expect(await (await client.get("/none")).text()).toBe("");
  expect((await client.get("/status")).status).toBe(202);
});

test("a stream that fails midway ends with an error event without internals, and is logged", async () => {
  const logger = memoryLogger();
  const app = new App({ logger }).get("/", async function* () {
    yield 1;
    throw new Error("secret");
  });
  const events = await eventsOf(await new TestClient(app).get("/"));
  expect(events).toEqual([
    { event: "message", data: "1", id: "" },
    { event: "error", data: '{"error":"Internal Server Error"}', id: "" },
  ]);
  expect(logger.errors).toHaveLength(1);
});

test("a value that cannot be sent ends the stream with an error event, and the generator", async () => {
  const logger = memoryLogger();
  const seen: string[] = [];
  const app = new App({ logger }).get("/", async function* () {
    try {
      yield 1;
      yield {
        toJSON() {
          throw new Error("no");
        },
      };
    } finally {
      seen.push("ended");
    }
  });
  const events = await eventsOf(await new TestClient(app).get("/"));
  expect(events.map(({ event }) => event)).toEqual(["message", "error"]);
  expect(seen).toEqual(["ended"]);
});

test("input that turns out wrong before the first value is a 400, later an event that says so", async () => {
  const refuse = (): never => {
    throw new JobError("invalid_status", "no such status");
  };
  const app = new App()
    .get("/early", async function* () {
      yield refuse();
    })
    .get("/late", async function* () {
      yield 1;
      yield refuse();
    });
  const client = new TestClient(app);
  expect((await client.get("/early")).status).toBe(400);
  const events = await eventsOf(await client.get("/late"));
  expect(events.at(-1)).toMatchObject({ event: "error", data: '{"error":"no such status","code":"invalid_status"}' });
});

test("values are asked for as they are read, and a reader that leaves ends the generator", async () => {
  const seen: unknown[] = [];
  const app = new App().get("/", async function* () {
    try {
      for (let n = 1; ; n++) {
        seen.push(n);
        yield n;
      }
    } finally {
      seen.push("ended");
    }
  });
  const response = await new TestClient(app).get("/");
  for await (const { data } of response.events()) if (data === "3") break;
  await expect.poll(() => seen.at(-1)).toBe("ended");
  expect(seen.length).toBeLessThan(10);
});

test("a request that is aborted ends the generator, also when nobody has read from it", async () => {
  const seen: string[] = [];
  const stream = async function* (): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
    } finally {
      seen.push("ended");
    }
  };
  const abort = new AbortController();
  const client = new TestClient(new App().get("/", stream));
  const response = await client.get("/", { signal: abort.signal });
  abort.abort();
  await expect.poll(() => seen).toEqual(["ended"]);
  expect(await response.text()).toBe("");
});

test("a client that is gone before the first value ends the generator, which sees its signal", async () => {
  const seen: string[] = [];
  const abort = new AbortController();
  const app = new App().get("/", async function* (_, { signal }) {
    try {
      abort.abort();
      yield String(signal.aborted);
    } finally {
      seen.push(`ended, aborted: ${signal.aborted}`);
    }
  });
  await new TestClient(app).get("/", { signal: abort.signal });
  await expect.poll(() => seen).toEqual(["ended, aborted: true"]);
});

test("a clean-up that fails after the client has gone is logged", async () => {
  const logger = memoryLogger();
  const app = new App({ logger }).get("/", async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: that it fails is what is tried here.
      throw new Error("clean-up failed");
    }
  });
  const response = await new TestClient(app).get("/");
  for await (const _ of response.events()) break;
  await expect.poll(() => logger.errors).toHaveLength(1);
});

test("any async iterable streams, such as the text of a language model", async () => {
  const app = new App().get("/", () => ReadableStream.from(["Hel", "lo"]));
  expect(await dataOf(await new TestClient(app).get("/"))).toEqual(["Hel", "lo"]);
});
