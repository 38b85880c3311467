// Responses that a handler, or what is mounted, did not make out of a value: they may be anybody's.
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { App } from "../../src/app/app.ts";
import type { AppServer } from "../../src/app/server.ts";
import { TestClient } from "../../src/testing/test-client.ts";
import { type MemoryLogger, memoryLogger } from "./memory-logger.ts";
import { exchange } from "./wire.ts";

const logger: MemoryLogger = memoryLogger();
afterEach(() => {
  logger.errors.length = 0;
});

async function run(app: App): Promise<AppServer> {
  const server = await app.run({ port: 0 });
  onTestFinished(() => server.close({ grace: 0 }));
  return server;
}

/** A server of somebody else, to pass on what it answers. */
async function upstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Routes that answer with it in each way there is. */
function answering(respond: () => Response | Promise<Response>): App {
  return new App({ logger })
    .get("/plain", respond)
    .get("/status", async () => [await respond(), 203])
    .mount("/mounted", respond);
}
const WAYS = ["plain", "status", "mounted"] as const;

describe.each(WAYS)("a length that is not the body's, by the way %s", (way) => {
  test.each([
    ["less", ["too ", "long"], 4],
    ["less, at once", ["too long"], 4],
    ["more", ["too short"], 40],
  ])("breaks the connection off where it is %s, and is logged", async (_, parts, length) => {
    const body = () => ReadableStream.from(parts).pipeThrough(new TextEncoderStream());
    const app = answering(() => new Response(body(), { headers: { "content-length": String(length) } }));
    const server = await run(app.get("/account", () => ({ balance: 100 })));
    const told = await exchange(
      server,
      `GET /${way} HTTP/1.1\r\nhost: a\r\n\r\nGET /account HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    // What came before its end may be sent, and nothing behind it.
    expect(told).not.toMatch(/^(?:too )?long/m);
    expect(logger.errors).toEqual([
      [
        "The body of a response failed midway.",
        expect.objectContaining({ message: expect.stringContaining(`${length} bytes`) }),
      ],
    ]);
  });
});

test("what fetch() answered is not left half read where a status has no body", async () => {
  const { promise: isCut, resolve } = Promise.withResolvers<void>();
  const url = await upstream((_, response) => {
    response.on("close", resolve);
    response.writeHead(200).write("the first of many words");
  });
  const server = await run(new App({ logger }).get("/", async () => [await fetch(url), 204]));
  expect((await fetch(server.url)).status).toBe(204);
  await isCut;
});

describe.each(WAYS)("what fetch() answered, passed on by the way %s", (way) => {
  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("is unpacked %s, and says so", async (coding, pack) => {
    const words = "words ".repeat(1_000);
    const url = await upstream((_, response) => {
      const body = pack(words);
      response.writeHead(200, { "content-encoding": coding, "content-length": body.length, "x-kept": "yes" }).end(body);
    });
    const server = await run(answering(() => fetch(url)));
    const response = await fetch(`${server.url}/${way}`);
    expect(await response.text()).toBe(words);
    const { headers } = response;
    expect([headers.get("content-encoding"), headers.get("x-kept")]).toEqual([null, "yes"]);
  });

  test("cannot put words into the answer that follows on the same connection", async () => {
    const words = `${"p".repeat(100)}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`;
    const url = await upstream((_, response) => {
      const body = gzipSync(words);
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    });
    const server = await run(answering(() => fetch(url)).get("/account", () => ({ balance: 100 })));
    const told = await exchange(
      server,
      `GET /${way} HTTP/1.1\r\nhost: a\r\n\r\nGET /account HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    expect(told).toContain("evil\r\n0\r\n\r\nHTTP/1.1 200 OK");
    expect(told).toMatch(/content-length: 15\r\n.*\r\n\r\n\{"balance":100\}$/s);
  });

  test("loses what was said of its own connection, and keeps a length that is right", async () => {
    const url = await upstream((_, response) => {
      response.writeHead(200, {
        connection: "close, X-Hop",
        "x-hop": "1",
        "keep-alive": "timeout=99",
        "content-length": 2,
      });
      response.end("ok");
    });
    const server = await run(answering(() => fetch(url)));
    const { headers } = await fetch(`${server.url}/${way}`);
    expect([headers.get("x-hop"), headers.get("content-length")]).toEqual([null, "2"]);
    expect(headers.get("keep-alive")).not.toBe("timeout=99");
    expect(headers.get("connection")).toBe("keep-alive");
  });
});

test("a body that a handler packed itself stays packed", async () => {
  const packed = () => new Response(gzipSync("words"), { headers: { "content-encoding": "gzip" } });
  const server = await run(answering(packed));
  for (const way of WAYS) expect(await (await fetch(`${server.url}/${way}`)).text()).toBe("words");
});

describe.each(WAYS)("a Response that cannot be sent, by the way %s", (way) => {
  /** Its body fails when the promise is settled, behind what it has begun with. */
  const failing = (when?: Promise<void>) => () =>
    new Response(
      new ReadableStream({
        async start(controller) {
          if (when !== undefined) controller.enqueue(new TextEncoder().encode("begun"));
          await when;
          controller.error(new Error("secret"));
        },
      }),
    );

  test("is a logged 500 without internals, over real HTTP too: read before, none at all, or failing at once", async () => {
    const sent = new Response("once");
    const read = new Response("once");
    await read.text();
    const makers = [() => sent, () => read, () => Response.error(), failing()];
    for (const [index, respond] of makers.entries()) {
      const app = answering(respond);
      const server = await run(app);
      if (respond() === sent) expect(await (await fetch(`${server.url}/${way}`)).text()).toBe("once");
      for (const response of [await fetch(`${server.url}/${way}`), await new TestClient(app).get(`/${way}`)]) {
        expect([response.status, await response.json()]).toEqual([500, { error: "Internal Server Error" }]);
      }
      expect(logger.errors.splice(0), `maker ${index}`).toHaveLength(2);
    }
  });

  test("and breaks off midway: the client is cut off, and only the operator is told why", async () => {
    const complained = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => complained.mockRestore());
    const gate = Promise.withResolvers<void>();
    const server = await run(answering(failing(gate.promise)));
    const reader = (await fetch(`${server.url}/${way}`)).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("begun");
    gate.resolve();
    const told = await reader?.read().then(({ value }) => new TextDecoder().decode(value), String);
    expect(told).not.toContain("secret");
    await expect(reader?.closed).rejects.toThrow();
    expect(logger.errors).toEqual([["The body of a response failed midway.", new Error("secret")]]);
    expect(complained.mock.calls.flat().map(String).join()).not.toContain("secret");
  });
});

test("a client that leaves a stream that waits, or one whose length was announced, is no error either", async () => {
  const left = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const waiting = (index: 0 | 1, headers: Record<string, string>) => () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
        cancel: () => left[index]?.resolve(),
      }),
      { headers },
    );
  const app = new App({ logger }).get("/open", waiting(0, {})).mount("/long", waiting(1, { "content-length": "100" }));
  const server = await run(app);
  for (const path of ["/open", "/long"]) {
    const leaving = new AbortController();
    const response = await fetch(server.url + path, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
  }
  for (const { promise } of left) await promise;
  // What it led to comes within the same turn, or never.
  await new Promise((resolve) => setImmediate(resolve));
  expect(logger.errors).toEqual([]);
});

test("texts in a stream are counted as the bytes that they are sent as", async () => {
  const texts = () =>
    new Response(ReadableStream.from(["né"]) as ReadableStream<never>, { headers: { "content-length": "3" } });
  const server = await run(new App({ logger }).get("/", texts));
  expect(await (await fetch(server.url)).text()).toBe("né");
});

test("a client that goes away ends the body it was reading, whoever made it, and is no error", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10)),
        cancel: () => cancelled.resolve(),
      }),
    );
  const server = await run(answering(endless));
  const leaving = new AbortController();
  const response = await fetch(`${server.url}/mounted`, { signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  await cancelled.promise;
  expect(logger.errors).toEqual([]);
});
