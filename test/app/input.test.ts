import { expect, test } from "vitest";
import { z } from "zod";
import { App } from "../../src/app/app.ts";
import { JobError, type JobErrorCode } from "../../src/background/core/errors.ts";
import { parseJobStatus } from "../../src/background/core/status.ts";
import { TestClient, type TestRequestOptions, type TestResponse } from "../../src/testing/test-client.ts";
import { memoryLogger } from "./memory-logger.ts";

const echo: App = new App({ logger: memoryLogger(), bodyLimit: 100 })
  .post("/echo/:id", (input) => input)
  .post("/echo", (input) => input)
  .get("/echo", (input) => input)
  .delete("/echo", (input) => input)
  .post("/raw", async ({ q }, { request }) => ({
    q,
    raw: await request.text(),
    type: request.headers.get("content-type"),
  }))
  .post("/upload", async (_, { request }) => {
    const file = (await request.formData()).get("file") as File;
    return { name: file.name, text: await file.text() };
  });
const client: TestClient = new TestClient(echo);

function post(path: string, body: TestRequestOptions["body"], type?: string): Promise<TestResponse> {
  return client.post(path, { body, headers: type === undefined ? {} : { "content-type": type } });
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

test("path parameters go over the query, and the query over the body", async () => {
  const response = await client.post("/echo/path", {
    query: { id: "query", both: "query" },
    json: { id: "body", both: "body", own: { deep: [1] } },
  });
  expect(await response.json()).toEqual({ id: "path", both: "query", own: { deep: [1] } });
});

test("a repeated query key is an array, a plus a space, and a key alone an empty text", async () => {
  const response = await client.get("/echo?tag=a&tag=b&tag=c&q=x+y%2B&flag&&empty=&a=b=c");
  expect(await response.json()).toEqual({ tag: ["a", "b", "c"], q: "x y+", flag: "", empty: "", a: "b=c" });
});

test("JSON is read with its own content type, with one that ends in +json, with a charset, and without any", async () => {
  for (const type of ["application/json", "application/vnd.api+json", "Application/JSON; charset=utf-8", undefined]) {
    expect(await (await post("/echo", bytesOf('{"a":"é"}'), type)).json()).toEqual({ a: "é" });
  }
});

test("a form is read as a query is", async () => {
  const response = await client.post("/echo", {
    body: new URLSearchParams([
      ["a", "1"],
      ["b", "x y"],
      ["b", "z"],
    ]),
  });
  expect(await response.json()).toEqual({ a: "1", b: ["x y", "z"] });
});

test("an empty body is fine, and so is none", async () => {
  expect(await (await post("/echo", bytesOf(""), "application/json")).json()).toEqual({});
  expect(await (await client.post("/echo")).json()).toEqual({});
  expect(await (await client.delete("/echo", { json: { reason: "old" } })).json()).toEqual({ reason: "old" });
});

test.each<[string, Uint8Array<ArrayBuffer>, string | undefined, string]>([
  ["malformed JSON", bytesOf('{"a":'), "application/json", "not valid JSON: Unexpected end"],
  ["an array", bytesOf("[1]"), "application/json", "must be a JSON object, not an array."],
  ["null", bytesOf("null"), undefined, "must be a JSON object, not null."],
  ["a text", bytesOf('"x"'), undefined, "must be a JSON object, not a string."],
  ["bytes that are not UTF-8", new Uint8Array([123, 34, 255, 34, 125]), "application/json", "not valid UTF-8"],
  [
    "a form with wrong percent-encoding",
    bytesOf("a=%zz"),
    "application/x-www-form-urlencoded",
    "percent-encoding in the body",
  ],
  [
    "JSON that is said to be a form, as curl -d does",
    bytesOf('{"a":1}'),
    "application/x-www-form-urlencoded",
    "send content-type: application/json",
  ],
])("%s as a body is a 400 that says why", async (_, body, type, message) => {
  const response = await post("/echo", body, type);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: expect.stringContaining(message), code: "invalid_input" });
});

test.each([
  ["the path", "/echo/%zz", "in the path"],
  ["the path, for what is not UTF-8", "/echo/%ff", "in the path"],
  ["the query", "/echo?q=%", "in the query"],
  ["a query's key", "/echo?%ff=1", "in the query"],
])("wrong percent-encoding in %s is a 400", async (_, path, message) => {
  const response = await client.post(path);
  expect(response.status).toBe(400);
  expect((await response.json()).error).toContain(message);
});

test("a compressed body is a 415, not a puzzle", async () => {
  const response = await client.post("/echo", {
    body: bytesOf("xx"),
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
  });
  expect(response.status).toBe(415);
  expect((await response.json()).error).toContain("gzip");
});

test("a body over the limit is a 413, by its declared length and by what comes", async () => {
  const exact = JSON.stringify({ a: "x".repeat(92) });
  expect(exact).toHaveLength(100);
  expect((await post("/echo", bytesOf(exact))).status).toBe(200);
  expect((await post("/echo", bytesOf(`${exact} `))).status).toBe(413);
  const declared = await client.post("/echo", { body: bytesOf("{}"), headers: { "content-length": "101" } });
  expect([declared.status, (await declared.json()).code]).toEqual([413, "body_too_large"]);
});

test("the limit is 1 MiB unless told otherwise", async () => {
  const app = new TestClient(new App({ logger: memoryLogger() }).post("/", () => 1));
  const status = async (letters: number) => (await app.post("/", { json: { a: "x".repeat(letters) } })).status;
  const others = '{"a":""}'.length;
  expect([await status(1_048_576 - others), await status(1_048_577 - others)]).toEqual([200, 413]);
});

test("no more of a body is taken than the limit and one chunk, and what sends it is told", async () => {
  let taken = 0;
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        taken += 40;
        controller.enqueue(new Uint8Array(40));
      },
      cancel() {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  expect((await post("/echo", endless, "application/json")).status).toBe(413);
  expect([taken, isCancelled]).toEqual([120, true]);
});

test("a body of another type is left to the handler, within the same limit", async () => {
  const response = await client.post("/raw?q=1", { body: "plain" });
  expect(await response.json()).toEqual({ q: "1", raw: "plain", type: "text/plain;charset=UTF-8" });
  const form = new FormData();
  form.set("file", new File(["hi"], "a"));
  expect((await client.post("/upload", { body: form })).status).toBe(413);
  const roomy = new App().post("/upload", async (_, { request }) => {
    const file = (await request.formData()).get("file") as File;
    return { name: file.name, text: await file.text() };
  });
  expect(await (await new TestClient(roomy).post("/upload", { body: form })).json()).toEqual({ name: "a", text: "hi" });
  expect((await client.post("/raw", { body: "x".repeat(101) })).status).toBe(413);
});

test.each([
  ["no form", "multipart/form-data; boundary=x", "junk"],
  ["a form without a boundary", "multipart/form-data", "--x--\r\n"],
  ["of a type that is no form's", "text/plain", "file=a"],
])("a body that the handler reads as a form and that is %s is a 400", async (_, type, body) => {
  const response = await post("/upload", body, type);
  expect([response.status, await response.json()]).toEqual([
    400,
    { error: expect.stringMatching(/^The body is not a valid form: .*[^.]\.$/), code: "invalid_input" },
  ]);
});

test("a form that the handler reads twice is its own fault", async () => {
  const app = new App({ logger: memoryLogger() }).post("/", async (_, { request }) => {
    await request.formData();
    await request.formData();
  });
  const form = new FormData();
  form.set("a", "1");
  expect((await new TestClient(app).post("/", { body: form })).status).toBe(500);
});

test("a body that was read can be read once more from the request, as signatures need it", async () => {
  const response = await post("/raw", bytesOf('{ "a":  1 }'), "application/json");
  expect((await response.json()).raw).toBe('{ "a":  1 }');
});

test("the handler gets what the schema makes of the merged input, and path parameters that are missing from it", async () => {
  const schema = z.object({ limit: z.coerce.number(), note: z.string().default("none") });
  const app = new App().post("/jobs/:jobId/:part", { schema }, (input) => input);
  const response = await new TestClient(app).post("/jobs/j1/p", { query: { limit: 5 }, json: { extra: 1 } });
  expect(await response.json()).toEqual({ limit: 5, note: "none", jobId: "j1", part: "p" });
});

test("a path parameter that the schema converts stays converted, and a class instance stays one", async () => {
  const app = new App()
    .get("/n/:n", { schema: z.object({ n: z.coerce.number() }) }, ({ n }) => typeof n)
    .get("/d/:n", { schema: z.object({ n: z.string() }).transform(() => new Date(0)) }, (date) => date instanceof Date);
  expect(await (await new TestClient(app).get("/n/7")).json()).toBe("number");
  expect(await (await new TestClient(app).get("/d/7")).json()).toBe(true);
});

test("input that does not fit the schema, sync or async, is a 400 with the issues", async () => {
  const sync = z.object({ docId: z.string(), tags: z.array(z.string()) });
  const isFree = async (docId: string): Promise<boolean> => docId !== "taken";
  const app = new App()
    .post("/sync", { schema: sync }, () => 1)
    .post("/async", { schema: z.object({ docId: z.string().refine(isFree, "is taken") }) }, () => 1);
  const response = await new TestClient(app).post("/sync", { json: { docId: 1, tags: ["a", 2] } });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    error: expect.stringMatching(/^The request is not valid: docId: .*; tags\.1: .*\.$/),
    code: "invalid_input",
    issues: [
      { path: ["docId"], message: expect.any(String) },
      { path: ["tags", 1], message: expect.any(String) },
    ],
  });
  const taken = await new TestClient(app).post("/async", { json: { docId: "taken" } });
  expect((await taken.json()).issues).toEqual([{ path: ["docId"], message: "is taken" }]);
  expect((await new TestClient(app).post("/async", { json: { docId: "free" } })).status).toBe(200);
});

test("issues are bounded, however many there are and however long", async () => {
  const schema = z.object({
    tags: z.array(z.string().refine((text) => text === "", { error: (issue) => `bad ${issue.input}` })),
  });
  const app = new App().post("/", { schema }, () => 1);
  const response = await new TestClient(app).post("/", { json: { tags: Array(5_000).fill("x".repeat(200)) } });
  const { issues, error } = await response.json();
  expect(issues).toHaveLength(20);
  expect(error).toContain("and 4997 more");
  const long = await new TestClient(app).post("/", { json: { tags: ["x".repeat(100_000)] } });
  expect((await long.text()).length).toBeLessThan(5_000);
});

test("a body that was not looked at is named when the input does not fit", async () => {
  const app = new App().post("/", { schema: z.object({ a: z.number() }) }, () => 1);
  const response = await new TestClient(app).post("/", { body: '{"a":1}' });
  expect((await response.json()).error).toContain("its content type is text/plain: send JSON as application/json");
});

test("input that is nested too deeply for a recursive schema is a 400, and not logged", async () => {
  const logger = memoryLogger();
  const app = new App({ logger }).post("/", { schema: z.object({ a: z.json() }) }, () => "fine");
  const nested = (depth: number) => {
    const body = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    return new TestClient(app).post("/", { body, headers: { "content-type": "application/json" } });
  };
  expect((await nested(10)).status).toBe(200);
  const response = await nested(100_000);
  expect([response.status, await response.json()]).toEqual([
    400,
    { error: "The request is nested too deeply to be checked.", code: "invalid_input" },
  ]);
  expect(logger.errors).toEqual([]);
});

test("a schema that throws is a logged 500", async () => {
  const logger = memoryLogger();
  const schema = z.unknown().transform(() => {
    throw new Error("secret");
  });
  const response = await new TestClient(new App({ logger }).get("/", { schema }, () => 1)).get("/");
  expect([response.status, await response.text()]).toEqual([500, '{"error":"Internal Server Error"}']);
  expect(logger.errors).toHaveLength(1);
});

test("a query that names no status is a 400 that lists the five", async () => {
  const app = new App().get("/jobs", ({ status }) => ({
    status: status === undefined ? null : parseJobStatus(String(status)),
  }));
  expect(await (await new TestClient(app).get("/jobs?status=failed")).json()).toEqual({ status: "failed" });
  const response = await new TestClient(app).get("/jobs?status=done");
  expect([response.status, (await response.json()).code]).toEqual([400, "invalid_status"]);
});

test.each<JobErrorCode>([
  "document_not_found",
  "document_forbidden",
  "document_empty",
  "document_encrypted",
  "document_mislabelled",
  "document_unsupported",
  "document_unreadable",
  "document_too_large",
])("a %s is a 400 that does not name the file, which the server may have chosen", async (code) => {
  const app = new App().get("/", () => {
    throw new JobError(code, "There is something with /srv/uploads/7.pdf.");
  });
  const response = await new TestClient(app).get("/");
  expect([response.status, await response.json()]).toEqual([400, { error: expect.stringMatching(/^[^/]+\.$/), code }]);
});
