import { Hono } from "hono";
import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import { TestClient } from "../../src/testing/test-client.ts";
import { memoryLogger } from "./memory-logger.ts";

test("a mounted app sees the rest of the path, the query and the body", async () => {
  const inner = new App().post("/jobs/:id", (input, { request }) => ({
    ...input,
    path: new URL(request.url).pathname,
  }));
  const client = new TestClient(new App().mount("/api/v1", inner));
  const response = await client.post("/api/v1/jobs/a%2Fb", { query: { q: 1 }, json: { n: 2 } });
  expect(await response.json()).toEqual({ id: "a/b", q: "1", n: 2, path: "/jobs/a%2Fb" });
});

test("what is mounted may be a function or another framework's app, and its root is the path itself", async () => {
  const hono = new Hono().get("/hello", (context) => context.text("hono")).get("/", (context) => context.text("root"));
  const app = new App().mount("/hono", hono).mount("/plain", ({ url }) => new Response(new URL(url).pathname));
  const client = new TestClient(app);
  expect(await (await client.get("/hono/hello")).text()).toBe("hono");
  expect(await (await client.get("/hono")).text()).toBe("root");
  expect(await (await client.get("/plain/deep/er")).text()).toBe("/deep/er");
  expect((await client.get("/plainer")).status).toBe(404);
});

test("a mount's own text goes before a parameter in its place, and the app's routes beneath it before the mount", async () => {
  const app = new App()
    .get("/:page", ({ page }) => page)
    .get("/:page/edit", ({ page }) => `edit ${page}`)
    .get("/jobs/:id", ({ id }) => id)
    .mount("/jobs", ({ url }) => new Response(`mounted ${new URL(url).pathname}`));
  const client = new TestClient(app);
  const texts = await Promise.all(
    ["/jobs", "/jobs/edit", "/jobs/7", "/jobs/7/more", "/about", "/about/edit"].map(async (path) =>
      (await client.get(path)).text(),
    ),
  );
  expect(texts).toEqual(["mounted /", '"edit"', '"7"', "mounted /7/more", '"about"', '"edit about"']);
});

test("a second mount at one path is an error when it is added", () => {
  const app = new App().mount("/a/b", () => new Response()).mount("/", () => new Response());
  for (const path of ["/a/b", "/a/b/", "/"])
    expect(() => app.mount(path, () => new Response())).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("never be reached") }),
    );
  app.mount("/a", () => new Response());
});

test("the app's own routes go first, then the longest mount", async () => {
  const app = new App()
    .mount("/", () => new Response("all"))
    .mount("/a/b", () => new Response("long"))
    .mount("/a", () => new Response("short"))
    .get("/a/own", () => new Response("own"));
  const client = new TestClient(app);
  const texts = await Promise.all(
    ["/a/own", "/a/b/c", "/a/c", "/x"].map(async (path) => (await client.get(path)).text()),
  );
  expect(texts).toEqual(["own", "long", "short", "all"]);
  expect(await (await client.post("/a/own")).text()).toBe("short");
});

test("a mounted function that throws, or answers with no Response, is a logged 500", async () => {
  const logger = memoryLogger();
  const broken = () => {
    throw new Error("secret");
  };
  const client = new TestClient(new App({ logger }).mount("/a", broken).mount("/b", (() => "text") as never));
  expect((await client.get("/a")).status).toBe(500);
  expect((await client.get("/b")).status).toBe(500);
  expect(logger.errors).toHaveLength(2);
});

test("what is mounted hears of the connection, however deep, and TRACE is none of its business", async () => {
  const heard: unknown[] = [];
  const hear = (_: Request, connection?: unknown) => {
    heard.push(connection);
    return new Response();
  };
  const hono = new Hono().all("*", ({ env }) => hear(new Request("http://a"), env));
  const app = new App().mount("/a", hear).mount("/b", new App().mount("/c", hear)).mount("/hono", hono);
  const connection = { incoming: { socket: { remoteAddress: "203.0.113.9" } } };
  for (const path of ["/a", "/b/c/d", "/hono"]) await app.fetch(new Request(`http://a${path}`), connection);
  expect(heard).toEqual([connection, connection, connection]);
  const trace = { ...requestLike("http://a/a"), method: "TRACE" } as Request;
  expect((await app.fetch(trace)).status).toBe(405);
  expect(heard).toHaveLength(3);
});

/** What a server hands over, which need not be made by `Request`. */
function requestLike(url: string): Omit<Request, "method"> {
  const { headers, signal, body } = new Request(url);
  return { url, headers, signal, body } as Request;
}

test("a mount with a parameter, or with nothing to call, is refused", () => {
  expect(() => new App().mount("/:tenant", new App())).toThrow("cannot have parameters");
  expect(() => new App().mount("/admin/:tenant?", new App())).toThrow("cannot have parameters");
  expect(() => new App().mount("/a", null as never)).toThrow("Only an App");
  expect(() => new App().mount("", new App())).toThrow('starts with "/"');
});
