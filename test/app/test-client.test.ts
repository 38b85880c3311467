import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import { TestClient } from "../../src/testing/test-client.ts";

const echo: App = new App().route(
  "/echo",
  { methods: ["GET", "POST", "PUT", "PATCH", "DELETE"] },
  (input, { request }) => ({
    method: request.method,
    input,
    url: request.url,
    mark: request.headers.get("x-mark"),
  }),
);
const client: TestClient = new TestClient(echo);

test("it sends what each method is given, without a port", async () => {
  const got = await client.get("/echo?a=1", {
    query: { b: [1, 2], c: true, d: undefined, e: null },
    headers: { "x-mark": "m" },
  });
  expect(await got.json()).toEqual({
    method: "GET",
    input: { a: "1", b: ["1", "2"], c: "true" },
    url: "http://localhost/echo?a=1&b=1&b=2&c=true",
    mark: "m",
  });
  for (const method of ["post", "put", "patch", "delete"] as const) {
    expect(await (await client[method]("/echo", { json: { n: 1 } })).json()).toMatchObject({
      method: method.toUpperCase(),
      input: { n: 1 },
    });
  }
  expect((await client.request("OPTIONS", "/echo")).status).toBe(204);
});

test("it asks the app itself, whatever the path looks like", async () => {
  for (const path of ["//evil.example/echo", "///echo", "/"]) expect((await client.get(path)).status, path).toBe(404);
  const { url } = await (await client.get("/echo", { query: { to: "//evil.example" } })).json();
  expect(url).toBe("http://localhost/echo?to=%2F%2Fevil.example");
});

test("a response tells its status and headers, and its body as often as one asks", async () => {
  const response = await client.get("/echo");
  expect([response.status, response.ok, response.headers.get("content-type")]).toEqual([200, true, "application/json"]);
  expect(JSON.parse(await response.text())).toEqual(await response.json());
  expect((await client.get("/none")).ok).toBe(false);
});

test("events are read however they are cut into chunks, with names, ids and comments", async () => {
  const text =
    ": hello\n\nevent: tick\r\nid: 7\r\ndata: é\r\ndata\r\n\r\ndata:no space\rdata: more\r\rretry: 5\n\ndata: unfinished";
  const bytes = new TextEncoder().encode(text);
  const app = new App().get("/:size", ({ size }) => {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += Number(size)) chunks.push(bytes.subarray(at, at + Number(size)));
    return new Response(ReadableStream.from(chunks));
  });
  for (const size of [1, 2, 3, 7, 1_000]) {
    const events: unknown[] = [];
    for await (const event of (await new TestClient(app).get(`/${size}`)).events()) events.push(event);
    expect(events).toEqual([
      { event: "tick", data: "é\n", id: "7" },
      { event: "message", data: "no space\nmore", id: "7" },
    ]);
  }
});

test("two bodies, an unknown option, or something that is no app, are refused", async () => {
  await expect(client.post("/echo", { json: 1, body: "x" })).rejects.toThrow("not both");
  await expect(client.post("/echo", { josn: 1 } as never)).rejects.toThrow(
    "'josn' is not one of the options of a request",
  );
  expect(() => new TestClient({} as never)).toThrow("needs an App");
});
