import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import { TestClient } from "../../src/testing/test-client.ts";

test("a path with <jobId> matches as one with :jobId does", async () => {
  const app = new App()
    .route("/angle/<job_id>", { methods: ["GET"] }, ({ job_id }) => ({ job_id }))
    .route("/colon/:jobId", {}, ({ jobId }) => ({ jobId }));
  const client = new TestClient(app);
  expect(await (await client.get("/angle/j1")).json()).toEqual({ job_id: "j1" });
  expect(await (await client.get("/colon/j2")).json()).toEqual({ jobId: "j2" });
});

test("what the path names is a text of the path or missing, whatever else has that name", async () => {
  const app = new App()
    .post("/jobs/:id?", ({ id, n }) => ({ id: id ?? "none", n }))
    .post("/x/:id", ({ id }) => ({ id }));
  const client = new TestClient(app);
  const sent = { query: { id: ["1", "2"] }, json: { id: 7, n: 1 } };
  expect(await (await client.post("/jobs", sent)).json()).toEqual({ id: "none", n: 1 });
  expect(await (await client.post("/jobs/a", sent)).json()).toEqual({ id: "a", n: 1 });
  expect(await (await client.post("/x/b", sent)).json()).toEqual({ id: "b" });
});

test("an optional parameter at the end may be missing", async () => {
  const client = new TestClient(new App().get("/jobs/:id?", ({ id }) => ({ id: id ?? "none" })));
  expect(await (await client.get("/jobs")).json()).toEqual({ id: "none" });
  expect(await (await client.get("/jobs/7")).json()).toEqual({ id: "7" });
  expect((await client.get("/jobs/7/8")).status).toBe(404);
});

test("parameters are decoded, an encoded slash is part of its segment, and a literal :name is just a value", async () => {
  const client = new TestClient(new App().get("/files/:name", ({ name }) => name));
  expect(await (await client.get("/files/a%2Fb%20%C3%A9")).json()).toBe("a/b é");
  expect(await (await client.get("/files/:name")).json()).toBe(":name");
  expect(await (await client.get("/files/*")).json()).toBe("*");
  expect(await (await client.get("/files/100%2525")).json()).toBe("100%25");
});

test("a path of plain text matches however the client encodes it", async () => {
  const client = new TestClient(new App().get("/café/v1:export", () => "found").get("/a%20b", () => "encoded"));
  expect(await (await client.get("/caf%C3%A9/v1%3Aexport")).json()).toBe("found");
  expect(await (await client.get("/a b")).json()).toBe("encoded");
});

test("plain text goes before a parameter, whichever came first", async () => {
  const app = new App()
    .get("/:kind/latest", () => "kind")
    .get("/jobs/:id", () => "id")
    .get("/jobs/latest", () => "latest")
    .post("/jobs/latest", () => "posted");
  const client = new TestClient(app);
  expect(await (await client.get("/jobs/latest")).json()).toBe("latest");
  expect(await (await client.get("/jobs/1")).json()).toBe("id");
  expect(await (await client.get("/mail/latest")).json()).toBe("kind");
});

test("a less specific path answers the methods that the more specific one lacks", async () => {
  const client = new TestClient(new App().get("/jobs/:id", ({ id }) => id).post("/jobs/latest", () => "posted"));
  expect(await (await client.get("/jobs/latest")).json()).toBe("latest");
  const response = await client.delete("/jobs/latest");
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
});

test("a slash at the end changes nothing, and routes can be added after the first request", async () => {
  const app = new App().get("/", () => "root").get("/jobs/", () => "jobs");
  const client = new TestClient(app);
  expect(await (await client.get("/")).json()).toBe("root");
  expect(await (await client.get("/jobs")).json()).toBe("jobs");
  expect(await (await client.get("/jobs/")).json()).toBe("jobs");
  app.get("/late", () => "late");
  expect(await (await client.get("/late")).json()).toBe("late");
});

test("each of the five methods has its route", async () => {
  const app = new App()
    .get("/x", () => "get")
    .post("/x", () => "post")
    .put("/x", () => "put")
    .patch("/x", () => "patch")
    .delete("/x", () => "delete");
  const client = new TestClient(app);
  for (const method of ["get", "post", "put", "patch", "delete"] as const) {
    expect(await (await client[method]("/x")).json()).toBe(method);
  }
});

test("an unknown path is a 404, another method a 405 with Allow, both in JSON", async () => {
  const client = new TestClient(new App().route("/jobs", { methods: ["GET", "POST"] }, () => []));
  const missing = await client.get("/job");
  expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/json"]);
  expect(await missing.json()).toEqual({ error: "Not Found", code: "not_found" });
  const refused = await client.put("/jobs");
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
  expect(await refused.json()).toMatchObject({ code: "method_not_allowed" });
});

test("HEAD is answered as GET without a body, and only where there is a GET", async () => {
  const client = new TestClient(new App().get("/jobs", () => [{ id: 1 }]).post("/only-post", () => 1));
  const response = await client.request("HEAD", "/jobs");
  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    200,
    "application/json",
    "",
  ]);
  expect((await client.request("HEAD", "/only-post")).status).toBe(405);
  expect(await (await client.request("HEAD", "/nowhere")).text()).toBe("");
});

test("HEAD of a stream ends the generator", async () => {
  const seen: string[] = [];
  const app = new App().get("/events", async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      seen.push("ended");
    }
  });
  const response = await new TestClient(app).request("HEAD", "/events");
  expect(response.headers.get("content-type")).toMatch("text/event-stream");
  await expect.poll(() => seen).toEqual(["ended"]);
});

test("OPTIONS is answered with 204 and Allow where there is a path, and with 404 where there is none", async () => {
  const client = new TestClient(new App().post("/jobs", () => 1));
  const response = await client.request("OPTIONS", "/jobs");
  expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([204, "OPTIONS, POST", ""]);
  expect((await client.request("OPTIONS", "/nowhere")).status).toBe(404);
});

test("a route that is there already is refused when it is added, however its parameters are called", () => {
  const app = new App().get("/jobs/:id", () => 1).get("/a/:b?", () => 1);
  const duplicate = expect.objectContaining({
    name: "JobError",
    code: "invalid_option",
    message: expect.stringContaining("GET /jobs/:jobId"),
  });
  expect(() => app.get("/jobs/<jobId>/", () => 2)).toThrow(duplicate);
  expect(() => app.get("/a", () => 2)).toThrow("already exists");
  expect(() => app.post("/jobs/:jobId", () => 2)).not.toThrow();
});

test.each<[string, (app: App) => unknown, string]>([
  ["an empty path", (app) => app.get("", () => 1), 'starts with "/"'],
  ["a path that is no text", (app) => app.get(undefined as never, () => 1), 'starts with "/"'],
  ["a path that cannot even be made a text", (app) => app.get(Object.create(null), () => 1), 'starts with "/"'],
  ["a path without its slash", (app) => app.get("jobs", () => 1), 'starts with "/"'],
  ["an empty segment", (app) => app.get("/a//b", () => 1), "empty segment"],
  ["a star", (app) => app.get("/files/*", () => 1), "app.mount"],
  ["a typed parameter", (app) => app.get("/jobs/<int:id>", () => 1), "is not a valid parameter"],
  ["a parameter called __proto__", (app) => app.get("/jobs/:__proto__", () => 1), "is not a valid parameter"],
  ["a parameter without a name", (app) => app.get("/jobs/:", () => 1), "is not a valid parameter"],
  ["a parameter twice", (app) => app.get("/:id/:id", () => 1), "twice"],
  ["an optional parameter in the middle", (app) => app.get("/:id?/x", () => 1), "at its end"],
  ["wrong percent-encoding", (app) => app.get("/%zz", () => 1), "percent-encoding"],
  ["an unknown method", (app) => app.route("/a", { methods: ["FETCH" as never] }, () => 1), "not FETCH"],
  ["no methods", (app) => app.route("/a", { methods: [] }, () => 1), "GET, POST, PUT, PATCH, DELETE"],
  ["a handler that is no function", (app) => app.get("/a", "handler" as never), "must be a function"],
  ["no handler", (app) => app.get("/a", {}, undefined as never), "must be a function"],
  ["a schema that is none", (app) => app.get("/a", { schema: {} as never }, () => 1), "Standard Schema"],
  [
    "an unknown option",
    (app) => app.get("/a", { shema: 1 } as never, () => 1),
    "'shema' is not one of the options of the route /a",
  ],
  ["an app's unknown option", () => new App({ limit: 1 } as never), "'limit' is not one of the options of an App"],
  ["a body limit that is no number of bytes", () => new App({ bodyLimit: -1 }), "bodyLimit"],
  ["a logger that is none", () => new App({ logger: {} as never }), "logger"],
])("%s is refused at once, by name", (_, act, message) => {
  const refusal = expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(message) });
  expect(() => act(new App())).toThrow(refusal);
});

test("every option accepts undefined", async () => {
  const app = new App({ bodyLimit: undefined, logger: undefined }).route(
    "/a",
    { methods: undefined, schema: undefined },
    () => 1,
  );
  expect(await (await new TestClient(app).get("/a")).json()).toBe(1);
});
