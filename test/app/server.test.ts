import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { onAnswered } from "../../src/app/answered.ts";
import { App } from "../../src/app/app.ts";
import type { AppServer, RunOptions } from "../../src/app/server.ts";
import { background } from "../../src/background/background.ts";
import { JobError } from "../../src/background/core/errors.ts";
import { getQueue } from "../../src/background/default-queue.ts";
import { type MemoryLogger, memoryLogger } from "./memory-logger.ts";
import { exchange } from "./wire.ts";

const NATIVE = { Request, Response };
const servers: AppServer[] = [];
const logger: MemoryLogger = memoryLogger();

async function run(app: App, options: RunOptions = {}): Promise<AppServer> {
  const server = await app.run({ port: 0, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ grace: 0 })));
  logger.errors.length = 0;
});

test("port 0 takes a free port, which the server tells, and replies come over real HTTP", async () => {
  const app = new App({ logger }).post("/echo/:id", (input) => [{ input }, 201]);
  const server = await run(app);
  expect(server).toMatchObject({
    hostname: "127.0.0.1",
    port: expect.any(Number),
    url: `http://127.0.0.1:${server.port}`,
  });
  const response = await fetch(`${server.url}/echo/a%2Fb?q=1`, {
    method: "POST",
    body: '{"n":1}',
    headers: { "content-type": "application/json" },
  });
  expect([response.status, await response.json()]).toEqual([201, { input: { n: 1, q: "1", id: "a/b" } }]);
});

test("a server gives its jobs ten seconds to finish when it closes, unless told otherwise", async () => {
  const stop = vi.spyOn(getQueue(), "stop");
  await (await run(new App({ logger }))).close();
  expect(stop).toHaveBeenCalledWith({ grace: 10_000 });
});

test("a server whose queue cannot be reached rejects, and leaves nothing behind that listens or goes on trying", async () => {
  const ended = vi.spyOn(Server.prototype, "close");
  const queue = getQueue();
  vi.spyOn(queue, "start").mockRejectedValueOnce(new JobError("queue_unavailable", "nobody there"));
  const stop = vi.spyOn(queue, "stop");
  await expect(new App({ logger }).run({ port: 0 })).rejects.toMatchObject({ code: "queue_unavailable" });
  expect(stop).toHaveBeenCalledWith({ grace: 0 });
  expect(ended.mock.contexts.map((server) => (server as Server).listening)).toEqual([false]);
});

test("HEAD, 204 and 404 have over real HTTP what they have without", async () => {
  const server = await run(new App({ logger }).get("/a", () => ({ a: 1 })).get("/none", () => undefined));
  const head = await fetch(`${server.url}/a`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "application/json", ""]);
  expect((await fetch(`${server.url}/none`)).status).toBe(204);
  expect(await (await fetch(`${server.url}/x`)).json()).toEqual({ error: "Not Found", code: "not_found" });
});

test("the process's own Request and Response stay as they are", async () => {
  await run(new App({ logger }));
  expect([Request === NATIVE.Request, Response === NATIVE.Response]).toEqual([true, true]);
});

test("the request in the context is one that the platform's own Request takes", async () => {
  const app = new App({ logger }).post("/", async (_, { request }) => ({
    raw: await new Request(request).text(),
    host: request.headers.get("host"),
  }));
  const server = await run(app);
  const response = await fetch(server.url, { method: "POST", body: "plain" });
  expect(await response.json()).toEqual({ raw: "plain", host: `127.0.0.1:${server.port}` });
});

test("a raw body is the handler's to read", async () => {
  const app = new App({ logger }).post("/", async (_, { request }) => ({ raw: await request.text() }));
  const server = await run(app);
  expect(await (await fetch(server.url, { method: "POST", body: "plain" })).json()).toEqual({ raw: "plain" });
  const json = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
  expect(await (await fetch(server.url, json)).json()).toEqual({ raw: '{"a":1}' });
});

test("a mounted app works over real HTTP", async () => {
  const inner = new App({ logger }).post("/jobs/:id", (input) => input);
  const server = await run(new App({ logger }).mount("/api", inner));
  const response = await fetch(`${server.url}/api/jobs/1`, { method: "POST", body: new URLSearchParams({ a: "2" }) });
  expect(await response.json()).toEqual({ a: "2", id: "1" });
});

test("a body over the limit is answered with 413 and the connection closed, declared or in chunks", async () => {
  const server = await run(new App({ logger, bodyLimit: 10 }).post("/", () => 1));
  const declared = await exchange(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  expect(declared).toMatch(/^HTTP\/1\.1 413 .*connection: close.*"code":"body_too_large"/is);
  const chunked = await exchange(
    server,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"a": \r\n6\r\n      \r\n`,
  );
  expect(chunked).toMatch(/^HTTP\/1\.1 413 .*connection: close.*"code":"body_too_large"/is);
});

test("a body in chunks within the limit is read", async () => {
  const server = await run(new App({ logger }).post("/", (input) => input));
  const reply = await exchange(
    server,
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n',
  );
  expect(reply).toMatch(/^HTTP\/1\.1 200 .*{"a":1}/s);
});

test.each([
  ["a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"],
  ["an address with a password", "GET http://a:b@c/mounted/ HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n"],
  ["wrong percent-encoding", "GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
  ["what is no HTTP", "hello\r\n\r\n"],
  ["a body that is not UTF-8", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n\u00ff"],
])("%s is a 400", async (_, request) => {
  const server = await run(new App({ logger }).post("/", () => 1).mount("/mounted", () => new Response()));
  const reply = await exchange(server, request);
  expect(reply).toMatch(/^HTTP\/1\.1 400 /);
  // What is no HTTP never gets as far as the app.
  if (request.includes("HTTP")) expect(reply).toContain('"code":"invalid_input"');
});

test("a client that breaks off its body is no error of the app", async () => {
  const app = new App({ logger }).post("/", () => 1);
  const { promise: answered, resolve } = Promise.withResolvers<Response>();
  const { fetch: answer } = app;
  const server = await run(
    Object.assign(new App({ logger }), {
      fetch: async (request: Request) => {
        const response = await answer(request);
        resolve(response);
        return response;
      },
    }),
  );
  const socket = connect(server.port, server.hostname);
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{");
  await once(socket, "connect");
  socket.destroy();
  expect((await answered).status).toBe(400);
  expect(logger.errors).toEqual([]);
});

test.each([
  ["application/octet-stream", "/raw"],
  ["multipart/form-data; boundary=x", "/form"],
  ["text/plain", "/mounted"],
])("a client that breaks off its body of %s is neither logged nor counted as an error", async (type, path) => {
  const read = Promise.withResolvers<void>();
  const app = new App({ logger })
    .post("/raw", async (_, { request }) => {
      read.resolve();
      return (await request.arrayBuffer()).byteLength;
    })
    .post("/form", async (_, { request }) => {
      read.resolve();
      return [...(await request.formData())].length;
    })
    .mount("/mounted", async (request) => {
      read.resolve();
      return new Response(await request.text());
    });
  const { promise: answered, resolve } = Promise.withResolvers<number>();
  onTestFinished(onAnswered(({ status }) => resolve(status)));
  const server = await run(app);
  const socket = connect(server.port, server.hostname);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 50\r\n\r\nsome`);
  await read.promise;
  socket.destroy();
  expect(await answered).toBe(499);
  expect(logger.errors).toEqual([]);
});

test("a client that goes away aborts the signal of its request", async () => {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const app = new App({ logger }).get("/", async (_, { signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    started.resolve();
    await aborted.promise;
    signal.throwIfAborted();
  });
  const server = await run(app);
  const client = new AbortController();
  const response = fetch(server.url, { signal: client.signal });
  await started.promise;
  client.abort();
  await expect(response).rejects.toThrow();
  await aborted.promise;
  await server.close();
  expect(logger.errors).toEqual([]);
});

test("a client that leaves a stream ends its generator", async () => {
  const ended = Promise.withResolvers<void>();
  const app = new App({ logger }).get("/", async function* (_, { signal }) {
    try {
      yield 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield 2;
    } finally {
      ended.resolve();
    }
  });
  const server = await run(new App({ logger }).mount("/deep", app));
  const response = await fetch(`${server.url}/deep`);
  const reader = response.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: 1\n\n");
  await reader?.cancel();
  await ended.promise;
});

test("a port that is taken is a JobError that says what to do", async () => {
  const server = await run(new App({ logger }));
  const second = new App({ logger }).run({ port: server.port });
  await expect(second).rejects.toMatchObject({
    name: "JobError",
    code: "invalid_option",
    message: expect.stringContaining(`port ${server.port} of 127.0.0.1 is in use`),
  });
});

test.each<[string, RunOptions]>([
  ["a port beyond 65535", { port: 70_000 }],
  ["a port that is no number", { port: "80" as never }],
  ["an empty hostname", { hostname: "" }],
  ["a grace that is none", { grace: "soon" as never }],
  ["an unknown option", { prot: 1 } as never],
  ["a hostname that does not exist", { hostname: "256.256.256.256" }],
])("%s is refused", async (_, options) => {
  await expect(run(new App({ logger }), options)).rejects.toMatchObject({ code: "invalid_option" });
});

test("an aborted signal starts nothing, and one aborted later closes the server", async () => {
  await expect(run(new App({ logger }), { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  const abort = new AbortController();
  const server = await run(new App({ logger }), { signal: abort.signal });
  abort.abort();
  await expect
    .poll(() =>
      fetch(server.url).then(
        () => "open",
        () => "closed",
      ),
    )
    .toBe("closed");
});

test("closing lets requests finish, accepts no more, does not wait for kept connections, and can be repeated", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<string>();
  const app = new App({ logger })
    .get("/slow", () => {
      started.resolve();
      return finish.promise;
    })
    .get("/", () => 1);
  const server = await run(app, { grace: "1h" });
  const agent = new Agent({ keepAlive: true });
  const get = async (path: string): Promise<IncomingMessage> => {
    const request = httpRequest(server.url + path, { agent }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return response;
  };
  await text(await get("/"));
  const unused = connect(server.port, server.hostname);
  await once(unused, "connect");
  const slow = get("/slow");
  await started.promise;
  const closed = server.close();
  await expect(fetch(server.url)).rejects.toThrow();
  finish.resolve("done");
  const response = await slow;
  expect(response.headers.connection).toBe("close");
  expect(JSON.parse(await text(response))).toBe("done");
  await Promise.all([closed, server.close()]);
  agent.destroy();
});

test("closing does not wait for a kept connection whose stream was under way, however long the grace", async () => {
  const finish = Promise.withResolvers<void>();
  const app = new App({ logger }).get("/", async function* () {
    yield 1;
    await finish.promise;
  });
  const server = await run(app, { grace: "90d" });
  const agent = new Agent({ keepAlive: true });
  const [response] = (await once(httpRequest(server.url, { agent }).end(), "response")) as [IncomingMessage];
  const closed = server.close();
  finish.resolve();
  expect(await text(response)).toBe("data: 1\n\n");
  await closed;
  agent.destroy();
});

test("closing ends a stream of what is mounted that is begun only then", async () => {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const streams: ReadableStreamDefaultController[] = [];
  const late = async () => {
    asked.resolve();
    await gate.promise;
    return new Response(new ReadableStream({ start: (controller) => void streams.push(controller) }));
  };
  const close = () => {
    for (const stream of streams.splice(0)) stream.close();
  };
  const server = await run(new App({ logger }).mount("/", Object.assign(late, { close })), { grace: "1h" });
  const response = fetch(server.url);
  await asked.promise;
  const closed = server.close();
  gate.resolve();
  expect(await (await response).text()).toBe("");
  await closed;
});

test("a mount whose close fails is logged, and keeps neither the others nor the server from closing", async () => {
  const broken = Object.assign(() => new Response(), {
    close: () => {
      throw new Error("cannot");
    },
  });
  const closed = Promise.withResolvers<void>();
  const fine = Object.assign(() => new Response(), { close: closed.resolve });
  const server = await run(new App({ logger }).mount("/a", broken).mount("/b", fine));
  await server.close();
  await closed.promise;
  await expect(fetch(server.url)).rejects.toThrow();
  expect(logger.errors).toEqual([["A mounted handler could not end its streams.", new Error("cannot")]]);
});

test("no job begins once the server closes, and those under way finish beside the requests", async () => {
  const finish = Promise.withResolvers<void>();
  const app = new App({ logger }).get("/", async function* () {
    yield 1;
    await finish.promise;
  });
  const server = await run(app, { grace: "1m" });
  const jobs = [0, 1].map(() => Promise.withResolvers<void>());
  const begun: number[] = [];
  const work = background({ name: "work", concurrency: 1 }, async (n: number, job) => {
    begun.push(n);
    await jobs[n]?.promise;
    return job.signal.aborted;
  });
  const [first, second] = await work.enqueueMany([0, 1]);
  await expect.poll(() => begun).toEqual([0]);
  const response = await fetch(server.url);
  const closed = server.close();
  jobs[0]?.resolve();
  // A request under way may still ask.
  expect(await work.wait(first as string)).toMatchObject({ status: "completed", result: false });
  await new Promise((resolve) => setImmediate(resolve));
  expect(await work.getResult(second as string)).toMatchObject({ status: "pending", attempts: 0 });
  finish.resolve();
  expect(await response.text()).toBe("data: 1\n\n");
  await closed;
  expect(begun).toEqual([0]);
});

test("what does not finish within the grace is cut", async () => {
  const started = Promise.withResolvers<void>();
  const app = new App({ logger }).get("/", async (_, { signal }) => {
    started.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const server = await run(app);
  const response = fetch(server.url);
  await started.promise;
  await server.close({ grace: 1 });
  await expect(response).rejects.toThrow();
});

test("a grace that is none is a rejection, and the server goes on", async () => {
  const server = await run(new App({ logger }).get("/", () => 1));
  await expect(server.close({ grace: -1 })).rejects.toMatchObject({ code: "invalid_option" });
  expect((await fetch(server.url)).status).toBe(200);
});

test("two apps run in one process, and the default queue ends with the last of them", async () => {
  const first = await run(new App({ logger }).get("/", () => "first"));
  const second = await run(new App({ logger }).get("/", () => "second"));
  const queue = getQueue();
  expect(await (await fetch(first.url)).json()).toBe("first");
  await first.close();
  await first.close();
  expect(getQueue()).toBe(queue);
  expect(await (await fetch(second.url)).json()).toBe("second");
  await second[Symbol.asyncDispose]();
  expect(getQueue()).not.toBe(queue);
});

test("signal handlers are there while a server runs, and gone afterwards", async () => {
  const before = [process.listenerCount("SIGTERM"), process.listenerCount("SIGINT")];
  const server = await run(new App({ logger }));
  expect([process.listenerCount("SIGTERM"), process.listenerCount("SIGINT")]).toEqual(before.map((count) => count + 1));
  await server.close();
  expect([process.listenerCount("SIGTERM"), process.listenerCount("SIGINT")]).toEqual(before);
});
