import { App } from "rapidai";
import { InMemoryQueue } from "rapidai/background";
import { type Connection, dashboard, type JobsApiOptions, jobsApi } from "rapidai/http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { silentLogger } from "../../src/background/engine/logger.ts";
import { Guard } from "../../src/http/guard.ts";
import { hostNameOf, isLoopbackAddress, isLoopbackName } from "../../src/http/loopback.ts";
import { type Rate, RateLimit } from "../../src/http/rate-limit.ts";
import { callerOf, echoing, ORIGIN } from "./scene.ts";

function queueOf(): InMemoryQueue {
  const queue = new InMemoryQueue({ worker: false });
  onTestFinished(() => queue.close());
  return queue;
}

interface Sent {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly remote?: string;
}

const JSON_TYPE = { "content-type": "application/json" };

/** Sends a change (or what `method` says) that would be done if it were let in; says how it was answered and what is pending. */
async function send(
  { url = `${ORIGIN}/jobs`, method = "POST", headers = JSON_TYPE, remote }: Sent,
  options: Partial<JobsApiOptions> = {},
): Promise<{ status: number; code: string | undefined; stored: number }> {
  const queue = queueOf();
  echoing(queue);
  const api = jobsApi({ queue, ...options });
  const body = method === "GET" || method === "HEAD" ? null : JSON.stringify({ task: "echo", payload: 1 });
  const request = new Request(url, { method, headers, body });
  const response = await api(
    request,
    remote === undefined ? undefined : { incoming: { socket: { remoteAddress: remote } } },
  );
  const text = await response.text();
  const code = text === "" ? undefined : JSON.parse(text).error?.code;
  return { status: response.status, code, stored: (await queue.counts()).byStatus.pending };
}

const write: JobsApiOptions["auth"] = () => ({ name: "ada", role: "write" });

describe("a request without auth", () => {
  test.each([
    ["http://localhost:3000/jobs", {}],
    ["http://127.0.0.1:3000/jobs", {}],
    ["http://127.9.9.9/jobs", {}],
    ["http://[::1]:3000/jobs", {}],
    ["http://app.localhost:3000/jobs", {}],
    ["http://LOCALHOST:3000/jobs", {}],
    ["http://localhost:3000/jobs", { host: "127.0.0.1:3000" }],
  ])("to %s %j is answered", async (url, headers) => {
    expect(await send({ url, headers: { ...JSON_TYPE, ...headers } })).toMatchObject({ status: 201, stored: 1 });
  });

  test.each([
    ["http://evil.example:3000/jobs", {}],
    ["http://192.168.1.10:3000/jobs", {}],
    ["http://10.0.0.1/jobs", {}],
    ["http://0.0.0.0:3000/jobs", {}],
    ["http://169.254.169.254/jobs", {}],
    ["http://[fe80::1]:3000/jobs", {}],
    ["http://[::ffff:7f00:1]:3000/jobs", {}],
    ["http://localhost.evil.example/jobs", {}],
    ["http://evil-localhost/jobs", {}],
    ["http://127.0.0.1.evil.example/jobs", {}],
    ["http://127.evil.example/jobs", {}],
    ["http://localtest.me/jobs", {}],
    ["http://127-0-0-1.nip.io/jobs", {}],
    ["http://localhost:3000/jobs", { host: "evil.example" }],
    ["http://localhost:3000/jobs", { host: "evil.example:3000" }],
    ["http://localhost:3000/jobs", { host: "localhost@evil.example" }],
    ["http://localhost:3000/jobs", { host: "localhost, evil.example" }],
    ["http://localhost:3000/jobs", { host: "localhost:3000:80" }],
    ["http://localhost:3000/jobs", { host: "localhost:99999999" }],
    ["http://localhost:3000/jobs", { host: "" }],
    ["http://localhost:3000/jobs", { host: "127.0.0.999" }],
    ["http://evil.example/jobs", { host: "localhost" }],
  ])("to %s %j is refused, whatever it asks for", async (url, headers) => {
    const refused = { status: 403, code: "host_not_allowed", stored: 0 };
    expect(await send({ url, headers: { ...JSON_TYPE, ...headers } })).toEqual(refused);
    expect(await send({ url, headers, method: "GET" })).toEqual(refused);
  });

  test.each([
    [{ "x-forwarded-for": "203.0.113.9" }, undefined],
    [{ "x-forwarded-host": "evil.example" }, undefined],
    [{ "x-forwarded-for": "127.0.0.1, 203.0.113.9" }, undefined],
    [{ "x-forwarded-for": "" }, undefined],
    [{ "x-forwarded-host": "localhost, evil.example" }, undefined],
    [{ "x-real-ip": "203.0.113.9" }, undefined],
    [{ forwarded: "for=203.0.113.9" }, undefined],
    [{ via: "1.1 proxy" }, undefined],
    [{}, "192.168.1.20"],
    [{}, "::ffff:203.0.113.9"],
    [{}, "2001:db8::1"],
  ])("that comes from elsewhere is refused: %j from %s", async (headers, remote) => {
    expect(await send({ headers: { ...JSON_TYPE, ...headers }, ...(remote !== undefined && { remote }) })).toEqual({
      status: 403,
      code: "not_local",
      stored: 0,
    });
  });

  test("that comes from elsewhere to an App, and says that it is for localhost, is refused by what is mounted", async () => {
    const queue = queueOf();
    const site = dashboard({ queue, basePath: "/inner/jobs" });
    const app = new App().mount("/inner", new App().mount("/jobs", site)).mount("/api", jobsApi({ queue }));
    const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } });
    for (const path of ["/inner/jobs", "/inner/jobs/api/counts", "/api/counts"]) {
      const request = () => new Request(`http://localhost${path}`);
      expect((await app.fetch(request(), from("203.0.113.9"))).status).toBe(403);
      expect((await app.fetch(request(), from("127.0.0.1"))).status).toBe(200);
    }
    const seen = Promise.withResolvers<string | undefined>();
    const listening = new App().mount("/", (_: Request, connection?: Connection) => {
      seen.resolve(connection?.incoming?.socket?.remoteAddress);
      return new Response();
    });
    const server = await listening.run({ port: 0 });
    await fetch(server.url);
    expect(await seen.promise).toBe("127.0.0.1");
    await server.close({ grace: 0 });
  });

  test("whose client has closed the connection already is refused: it may have come from anywhere", async () => {
    const queue = queueOf();
    echoing(queue);
    const api = jobsApi({ queue });
    const request = () =>
      new Request(`${ORIGIN}/jobs`, { method: "POST", headers: JSON_TYPE, body: '{"task":"echo","payload":1}' });
    for (const incoming of [{ socket: { remoteAddress: undefined } }, {}]) {
      const answer = await api(request(), { incoming });
      expect([answer.status, (await queue.counts()).byStatus.pending]).toEqual([403, 0]);
    }
  });

  test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])("from %s is answered", async (remote) => {
    expect(await send({ remote })).toMatchObject({ status: 201 });
  });

  test("that a development server passes on from this machine is answered", async () => {
    const headers = { ...JSON_TYPE, "x-forwarded-for": "::1", "x-forwarded-host": "localhost:3000" };
    expect(await send({ headers })).toMatchObject({ status: 201 });
  });

  test("may be sent to a host that was named", async () => {
    const options = { hosts: ["jobs.internal"] };
    expect(await send({ url: "http://jobs.internal/jobs" }, options)).toMatchObject({ status: 201 });
    expect(await send({ url: "http://other.internal/jobs" }, options)).toMatchObject({ status: 403 });
  });
});

describe("a change that a page elsewhere has sent", () => {
  const FOREIGN: readonly Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "http://evil.example:3000" },
    { origin: "http://localhost:4000" },
    { origin: "http://localhost.evil.example:3000" },
    { origin: "http://127.0.0.1:3000" },
    { origin: "null" },
    { origin: "" },
    { origin: "file://" },
    { origin: "http://localhost:3000.evil.example" },
    { origin: "http://localhost:3000@evil.example" },
    { origin: "http://localhost:3000/path" },
    { origin: "http://localhost:3000, https://evil.example" },
    { origin: "chrome-extension://localhost:3000" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "nonsense" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
    { "sec-fetch-site": "cross-site", origin: "http://localhost:3000" },
    { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
  ];

  test.each(FOREIGN)("is refused: %j", async (headers) => {
    const refused = { status: 403, code: "cross_origin", stored: 0 };
    expect(await send({ headers: { ...JSON_TYPE, ...headers } })).toEqual(refused);
    // Whoever is logged in is who such a page would act for.
    expect(await send({ headers: { ...JSON_TYPE, ...headers } }, { auth: write })).toEqual(refused);
  });

  test.each([
    {},
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "multipart/form-data; boundary=x" },
    { "content-type": "text/plain; application/json" },
    { "content-type": "application/jsonp" },
    { "content-type": "text/json" },
    { "content-type": "" },
  ])("cannot be what a form or a simple request sends: %j", async (headers) => {
    expect(await send({ headers: headers as Record<string, string> })).toEqual({
      status: 415,
      code: "not_json",
      stored: 0,
    });
  });

  test.each(["PUT", "PATCH", "DELETE", "OPTIONS"])("cannot be a %s, and no preflight is answered", async (method) => {
    const answer = await send({ method, headers: { ...JSON_TYPE, "x-http-method-override": "POST" } });
    expect(answer).toEqual({ status: 405, code: "method_not_allowed", stored: 0 });
  });

  test.each([
    { origin: ORIGIN },
    { origin: ORIGIN, "sec-fetch-site": "same-origin" },
    { origin: ORIGIN.toUpperCase().replace("HTTP", "http") },
    { "content-type": "application/json; charset=utf-8" },
    { "content-type": "APPLICATION/JSON" },
  ])("is let in from a page of its own, or a program: %j", async (headers) => {
    expect(await send({ headers: { ...JSON_TYPE, ...headers } })).toMatchObject({ status: 201, stored: 1 });
  });

  test("is let in from an origin that was named, also behind a proxy that ends TLS", async () => {
    const named = { headers: { ...JSON_TYPE, origin: "https://ops.example.com", "sec-fetch-site": "cross-site" } };
    expect(await send(named, { auth: write, origins: ["https://ops.example.com"] })).toMatchObject({ status: 201 });
    expect(await send(named, { auth: write })).toMatchObject({ status: 403 });
    const proxied = {
      url: "http://ops.example.com/jobs",
      headers: { ...JSON_TYPE, origin: "https://ops.example.com" },
    };
    expect(await send(proxied, { auth: write })).toMatchObject({ status: 201 });
  });

  test.each(["HTTPS://Ops.Example.com", "https://ops.example.com/", "https://ops.example.com:443"])(
    "is let in from an origin however it was named: %s",
    async (named) => {
      const sent = { headers: { ...JSON_TYPE, origin: "https://ops.example.com" } };
      expect(await send(sent, { auth: write, origins: [named] })).toMatchObject({ status: 201 });
    },
  );

  test("is let in from a browser's extension that was named, and from no other", async () => {
    const from = (origin: string) =>
      send({ headers: { ...JSON_TYPE, origin } }, { auth: write, origins: ["chrome-extension://abcdef/"] });
    expect(await from("chrome-extension://abcdef")).toMatchObject({ status: 201 });
    expect(await from("chrome-extension://fedcba")).toMatchObject({ status: 403 });
  });

  test("nor does such a page read anything", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      expect(await send({ method: "GET", headers })).toMatchObject({ status: 403, code: "cross_origin" });
    }
    expect(await send({ method: "GET", headers: { "sec-fetch-site": "none" } })).toMatchObject({ status: 200 });
  });

  test("but a page of an origin that was named reads, and any other is told which option that is", async () => {
    const api = jobsApi({ queue: queueOf(), origins: ["https://ops.example.com"] });
    const from = (origin: string) =>
      api(new Request(`${ORIGIN}/counts`, { headers: { origin, "sec-fetch-site": "cross-site" } }));
    expect((await from("https://ops.example.com")).status).toBe(200);
    expect(await (await from("https://evil.example")).json()).toMatchObject({
      error: { message: expect.stringContaining("the origins option") },
    });
  });
});

describe("auth", () => {
  test("says who may read and who may change", async () => {
    const read = { auth: () => ({ role: "read" as const }) };
    expect(await send({}, read)).toEqual({ status: 403, code: "forbidden", stored: 0 });
    expect(await send({ method: "GET" }, read)).toMatchObject({ status: 200 });
    expect(await send({}, { auth: async () => ({ role: "write" }) })).toMatchObject({ status: 201 });
  });

  test.each([null, undefined, {}, { role: "admin" }, "write", true])(
    "that answers %j lets nobody in",
    async (answer) => {
      const options = { auth: () => answer as never };
      for (const method of ["GET", "POST", "DELETE"]) {
        expect(await send({ method }, options)).toEqual({ status: 401, code: "unauthorized", stored: 0 });
      }
      expect(await send({ method: "GET", url: `${ORIGIN}/nothing` }, options)).toMatchObject({ status: 401 });
    },
  );

  test("that fails lets nobody in, and tells nothing of why", async () => {
    const options = {
      logger: silentLogger,
      auth: () => Promise.reject(new Error("password of the database is hunter2")),
    };
    expect(await send({}, options)).toEqual({ status: 500, code: "internal", stored: 0 });
  });

  test("lets any host in unless hosts are named", async () => {
    expect(await send({ url: "https://ops.example.com/jobs" }, { auth: write })).toMatchObject({ status: 201 });
    const options = { auth: write, hosts: ["ops.example.com"] };
    expect(await send({ url: "https://ops.example.com/jobs" }, options)).toMatchObject({ status: 201 });
    expect(await send({ url: "https://rebound.example/jobs" }, options)).toMatchObject({ status: 403 });
  });

  test("names who cancels, whatever the request says", async () => {
    const queue = queueOf();
    const jobId = await queue.enqueue("work", 1);
    await callerOf({ queue, auth: write }).post(`/jobs/${jobId}/cancel`, { by: "somebody else" });
    expect((await queue.getDetails(jobId))?.cancelledBy).toBe("ada");
  });

  test("a user whose name is a number, as without types it may be, can cancel", async () => {
    const queue = queueOf();
    const { post } = callerOf({ queue, auth: () => JSON.parse('{ "name": 42, "role": "write" }') });
    const jobId = await queue.enqueue("mail", null);
    expect(await post(`/jobs/${jobId}/cancel`)).toMatchObject({ status: 200 });
    expect((await queue.getDetails(jobId))?.cancelledBy).toBe("42");
  });
});

test("read-only refuses every change", async () => {
  const queue = queueOf();
  const jobId = await queue.enqueue("work", 1);
  const { get, post } = callerOf({ queue, readOnly: true, auth: write, allowUnknownTasks: true });
  for (const path of ["", "/cancel", "/retry", `/${jobId}/cancel`, `/${jobId}/retry`]) {
    expect(await post(`/jobs${path}`, { task: "work" })).toMatchObject({
      status: 403,
      body: { error: { code: "read_only" } },
    });
  }
  expect((await get("/counts")).body.byStatus).toMatchObject({ pending: 1, cancelled: 0 });
});

test("no answer, good or bad, can be framed, sniffed, kept or run", async () => {
  const queue = queueOf();
  const { get, post } = callerOf({ queue });
  const answers = [
    await get("/jobs"),
    await get("/metrics"),
    await get("/nothing"),
    await get("/jobs", { host: "evil.example" }),
    await post("/jobs", { task: "none" }),
  ];
  for (const { headers } of answers) {
    expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
});

test("another method is answered with all that can be sent", async () => {
  const api = jobsApi({ queue: queueOf() });
  for (const [path, allow] of Object.entries({
    "/counts": "GET, HEAD",
    "/jobs": "GET, HEAD, POST",
    "/jobs/retry": "POST",
  })) {
    const { status, headers } = await api(new Request(ORIGIN + path, { method: "PUT" }));
    expect([status, headers.get("allow")]).toEqual([405, allow]);
  }
});

test.each<[string, object]>([
  ["hosts", { hosts: "ops.example.com" }],
  ["hosts", { hosts: ["https://ops.example.com"] }],
  ["hosts", { hosts: [""] }],
  ["hosts", { hosts: [7] }],
  ["origins", { origins: "https://ops.example.com" }],
  ["origins", { origins: ["ops.example.com"] }],
  ["origins", { origins: ["https://ops.example.com/jobs"] }],
  ["origins", { origins: ["null"] }],
  ["origins", { origins: ["*"] }],
  ["limits.rate", { limits: { rate: null } }],
  ["limits.rate", { limits: { rate: { perMinute: 1 } } }],
  ["limits", { limits: null }],
  ["tasks", { tasks: "echo" }],
  ["readOnly", { readOnly: "false" }],
  ["allowUnknownTasks", { allowUnknownTasks: 1 }],
  ["logger", { logger: { error() {} } }],
])("an option %s that can never do what it says is refused: %j", (name, option) => {
  const refused = expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(name) });
  for (const make of [jobsApi, dashboard]) {
    expect(() => make({ queue: queueOf(), ...option } as JobsApiOptions)).toThrow(refused);
  }
});

test("a logger that fails takes no answer with it", async () => {
  const fail = () => {
    throw new Error("disk full");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const handler = dashboard({ queue: queueOf(), auth: () => Promise.reject(new Error("no sessions")), logger });
  for (const path of ["/", "/api/counts"]) expect((await handler(new Request(ORIGIN + path))).status).toBe(500);
});

test("a host may be named with its port, which is looked at nowhere", async () => {
  const options = { auth: write, hosts: ["Ops.example.com:8443"] };
  expect(await send({ url: "https://ops.example.com/jobs" }, options)).toMatchObject({ status: 201 });
  expect(await send({ url: "https://other.example.com:8443/jobs" }, options)).toMatchObject({ status: 403 });
});

/** A guard before which time stands still, and which lets in who comes with something right. */
function guarded(rate: Rate = { perSecond: 1_000, burst: 1_000 }) {
  let now = 0;
  let asked = 0;
  let isRevoked = false;
  const auth: JobsApiOptions["auth"] = async (request) => {
    asked++;
    const isRight = request.headers.get("authorization")?.startsWith("right") === true;
    return isRight && !isRevoked ? { name: "ada", role: "read" } : null;
  };
  const guard = new Guard({ auth, rate, timeoutMs: 60_000, now: () => now });
  return {
    asked: () => asked,
    pass: (ms: number) => {
      now += ms;
    },
    revoke: () => {
      isRevoked = true;
    },
    status: (authorization: string, remoteAddress?: string): Promise<number> => {
      const request = new Request(`${ORIGIN}/counts`, { headers: { authorization } });
      const connection = { incoming: { socket: { remoteAddress } } };
      return guard.check(request, "read", connection).then(
        () => 200,
        ({ status }) => status,
      );
    },
  };
}

/** However long a busy machine takes for the test, its clients get no more tokens. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

describe("limits", () => {
  test("a client that sends too much waits, and others do not", async () => {
    stopTime();
    const queue = queueOf();
    const auth: JobsApiOptions["auth"] = (request) => ({ name: request.headers.get("x-user") ?? "", role: "read" });
    const api = jobsApi({ queue, auth, limits: { rate: { perSecond: 1, burst: 3 } } });
    const status = async (user: string) => {
      const response = await api(new Request(`${ORIGIN}/counts`, { headers: { "x-user": user } }));
      await response.text();
      return response.status;
    };
    expect([await status("a"), await status("a"), await status("a"), await status("a")]).toEqual([200, 200, 200, 429]);
    expect(await status("b")).toBe(200);
  });

  test("a rate of another shape is refused, and not taken for none", () => {
    const rated = (rate: unknown) => () => jobsApi({ queue: queueOf(), limits: { rate: rate as object } });
    for (const rate of [5, "5/s", { perMinute: 5 }]) expect(rated(rate)).toThrow(/limits\.rate of jobsApi\(\)/);
  });

  test("those who are refused take nothing from those who are let in", async () => {
    const { status } = guarded({ perSecond: 1, burst: 2 });
    expect(await status("right")).toBe(200);
    expect([await status("?"), await status("?"), await status("?")]).toEqual([401, 401, 429]);
    expect(await status("right")).toBe(200);
  });

  test("who has guessed too often learns nothing of the next guess, and auth is not asked", async () => {
    const { status, asked, pass } = guarded();
    for (let n = 0; n < 20; n++) expect(await status(`wrong ${n}`, "203.0.113.9")).toBe(401);
    expect(await status("right", "203.0.113.9")).toBe(429);
    expect(await status("wrong", "203.0.113.9")).toBe(429);
    expect(asked()).toBe(20);
    // Elsewhere nobody has guessed.
    expect(await status("right", "203.0.113.10")).toBe(200);
    // Nor is there a time for which it is locked: what was refused has taken nothing.
    pass(190);
    expect(await status("right, and new", "203.0.113.9")).toBe(429);
    pass(11);
    expect(await status("right, and new", "203.0.113.9")).toBe(200);
  });

  test("guesses under way at once are no more than those one after the other", async () => {
    const { status, asked } = guarded();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => status(`wrong ${n}`)));
    expect(answers.filter((answer) => answer === 401)).toHaveLength(20);
    expect(asked()).toBe(20);
  });

  test("who was let in is let in wherever somebody guesses, until the credentials are refused", async () => {
    const { status, revoke } = guarded();
    expect(await status("right", "203.0.113.10")).toBe(200);
    for (let n = 0; n < 21; n++) await status(`wrong ${n}`, "203.0.113.9");
    expect(await status("right", "203.0.113.9")).toBe(200);
    revoke();
    expect(await status("right", "203.0.113.9")).toBe(401);
    expect(await status("right", "203.0.113.9")).toBe(429);
  });

  test("a bounded number of credentials is known, and the one that was silent longest becomes new again", async () => {
    const { status } = guarded({ perSecond: 10_000, burst: 10_000 });
    for (let n = 0; n <= 1_000; n++) await status(`right ${n}`);
    for (let n = 0; n < 21; n++) await status(`wrong ${n}`);
    expect(await status("right 1")).toBe(200);
    expect(await status("right 0")).toBe(429);
  });

  test("being let in for the first time costs no guess", async () => {
    const { status } = guarded();
    for (let n = 0; n < 50; n++) expect(await status(`right ${n}`)).toBe(200);
    expect(await status("wrong")).toBe(401);
  });

  test("auth is asked no more often than a client may ask, also when its credentials look different each time", async () => {
    const { status, asked } = guarded({ perSecond: 1, burst: 3 });
    for (let n = 0; n < 20; n++) await status("right");
    expect(asked()).toBe(3);
    for (let n = 0; n < 20; n++) await status(`right ${n}`);
    expect(asked()).toBe(6);
  });

  test("many requests at once with the same new credentials are one guess", async () => {
    let asked = 0;
    const auth = async (request: Request) => {
      asked++;
      await new Promise((resolve) => setImmediate(resolve));
      return request.headers.get("authorization") === "right" ? ({ name: "ada", role: "read" } as const) : null;
    };
    const api = jobsApi({ queue: queueOf(), auth });
    const statuses = async (count: number, authorization: string) => {
      const sent = Array.from({ length: count }, () =>
        api(new Request(`${ORIGIN}/jobs`, { headers: { authorization } })),
      );
      return (await Promise.all(sent)).map(({ status }) => status);
    };
    expect(new Set(await statuses(100, "right"))).toEqual(new Set([200]));
    const wrong = await statuses(100, "wrong");
    expect(wrong.filter((status) => status === 401).length).toBeLessThanOrEqual(20);
    expect(wrong.filter((status) => status === 429).length).toBeGreaterThanOrEqual(80);
    expect(asked).toBeLessThanOrEqual(120);
  });

  test("what several clients send in the same headers is nobody's: none pays for another", async () => {
    stopTime();
    const auth = (request: Request) => {
      const name = request.headers.get("x-token");
      return name === "a" || name === "b" ? ({ name, role: "read" } as const) : null;
    };
    const limits = { rate: { perSecond: 1, burst: 5 } };
    const api = jobsApi({ queue: queueOf(), auth, limits });
    const status = async (token: string, remoteAddress: string) => {
      const headers = { "x-token": token, cookie: "theme=dark" };
      return (await api(new Request(`${ORIGIN}/jobs`, { headers }), { incoming: { socket: { remoteAddress } } }))
        .status;
    };
    expect(await status("a", "10.0.0.1")).toBe(200);
    for (let n = 0; n < 5; n++) expect(await status("b", "10.0.0.2")).toBe(200);
    expect(await status("b", "10.0.0.2")).toBe(429);
    for (let n = 0; n < 4; n++) expect(await status("a", "10.0.0.1")).toBe(200);
  });

  test("an auth that fails is a 500 each time, and no guess", async () => {
    let isAway = true;
    const auth = () => {
      if (isAway) throw new Error("database away");
      return { name: "ada", role: "read" } as const;
    };
    const api = jobsApi({ queue: queueOf(), auth, logger: silentLogger, limits: { rate: { perSecond: 1, burst: 3 } } });
    const status = async () => (await api(new Request(`${ORIGIN}/jobs`, { headers: { authorization: "x" } }))).status;
    for (let n = 0; n < 10; n++) expect(await status()).toBe(500);
    isAway = false;
    expect(await status()).toBe(200);
  });

  test("an auth that hangs is given up at every path, once for all who wait for it, and is asked again by who comes later", async () => {
    let [isHung, asked] = [true, 0];
    const auth = async () => {
      asked++;
      if (isHung) await new Promise(() => {});
      return { name: "ada", role: "read" } as const;
    };
    const handler = dashboard({ queue: queueOf(), auth, limits: { timeout: "50ms" } });
    const statuses = () =>
      Promise.all(
        ["/", "/nothing", "/api/openapi.json", "/api/nothing"].map(async (path) => {
          return (await handler(new Request(ORIGIN + path, { headers: { authorization: "x" } }))).status;
        }),
      );
    expect(await statuses()).toEqual([503, 503, 503, 503]);
    expect(asked).toBe(1);
    isHung = false;
    expect(await statuses()).toEqual([200, 404, 200, 404]);
  });

  test("a network of IPv6 addresses guesses as one, and one address of IPv4", async () => {
    const { status } = guarded({ perSecond: 1, burst: 1 });
    expect(await status("wrong", "2001:db8:1:2:3:4:5:6")).toBe(401);
    expect(await status("wrong", "2001:DB8:1:2::9")).toBe(429);
    expect(await status("wrong", "2001:db8:1:3::9")).toBe(401);
    expect(await status("wrong", "2001:db8::1")).toBe(401);
    expect(await status("wrong", "2001:db8::2:0:0:1")).toBe(429);
    expect(await status("wrong", "203.0.113.9")).toBe(401);
    expect(await status("wrong", "::ffff:203.0.113.9")).toBe(429);
    expect(await status("wrong", "::ffff:203.0.113.10")).toBe(401);
  });

  test("the page and its API count guesses together", async () => {
    stopTime();
    const limits = { rate: { perSecond: 1, burst: 2 } };
    const handler = dashboard({ queue: queueOf(), auth: () => null, limits });
    const status = async (path: string) => (await handler(new Request(ORIGIN + path))).status;
    expect([await status("/"), await status("/api/counts"), await status("/")]).toEqual([401, 401, 429]);
    expect(await status("/api/counts")).toBe(429);
  });

  test("an answer that takes too long is given up", async () => {
    const never = new Promise<never>(() => {});
    const { get } = callerOf({ queue: queueOf(), metrics: () => never, limits: { timeout: "50ms" } });
    // It is not the queue that gave none.
    const error = { code: "timeout", message: "There was no answer within 50 ms." };
    expect(await get("/metrics")).toMatchObject({ status: 503, body: { error } });
  });

  test("a body that comes too slowly is given up", async () => {
    const queue = queueOf();
    const api = jobsApi({ queue, limits: { timeout: "50ms" } });
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("{")) });
    const request = new Request(`${ORIGIN}/jobs`, { method: "POST", headers: JSON_TYPE, body, duplex: "half" });
    expect((await api(request)).status).toBe(503);
  });

  test("a body is read up to its limit, whatever length it says", async () => {
    const queue = queueOf();
    const api = jobsApi({ queue, limits: { body: 1_000 } });
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        sent++;
        controller.enqueue(new Uint8Array(100).fill(32));
      },
    });
    const request = new Request(`${ORIGIN}/jobs`, { method: "POST", headers: JSON_TYPE, body, duplex: "half" });
    expect((await api(request)).status).toBe(413);
    expect(sent).toBeLessThan(20);
  });

  test("a body that a parser before it has read is not taken for an empty one", async () => {
    const api = jobsApi({ queue: queueOf() });
    const body = new ReadableStream({ start: (controller) => controller.close() });
    const headers = { ...JSON_TYPE, "content-length": "17" };
    const emptied = new Request(`${ORIGIN}/jobs`, { method: "POST", headers, body, duplex: "half" });
    const read = new Request(`${ORIGIN}/jobs`, { method: "POST", headers: JSON_TYPE, body: '{"task":"echo"}' });
    await read.text();
    for (const request of [emptied, read]) {
      const answer = await api(request);
      expect(answer.status).toBe(500);
      expect(await answer.text()).toContain("before any body parser");
    }
  });

  test.each(["", "{", "[1]", "null", '"text"', "{} {}", "\u{feff}"])(
    "a body that is no JSON object is refused: %j",
    async (body) => {
      const queue = queueOf();
      const api = jobsApi({ queue });
      const response = await api(new Request(`${ORIGIN}/jobs`, { method: "POST", headers: JSON_TYPE, body }));
      expect(response.status).toBe(400);
    },
  );

  test("remembers a bounded number of clients, and fills as time goes by", () => {
    let now = 0;
    const limit = new RateLimit({ perSecond: 2, burst: 2 }, () => now);
    expect([limit.take("a"), limit.take("a"), limit.take("a")]).toEqual([0, 0, 1]);
    now = 500;
    expect([limit.take("a"), limit.take("a")]).toEqual([0, 1]);
    for (let client = 0; client < 5_000; client++) limit.take(`client ${client}`);
    // Forgotten, and so new.
    expect([limit.take("a"), limit.take("a"), limit.take("a")]).toEqual([0, 0, 1]);
  });
});

test("a host has its name without its port, and only loopback's are this machine", () => {
  expect(hostNameOf("[::1]:80")).toBe("[::1]");
  expect(hostNameOf("a b")).toBeNull();
  expect(isLoopbackName("127.0.0.256")).toBe(false);
  expect(isLoopbackName("localhost.")).toBe(false);
  expect(isLoopbackAddress("::ffff:10.0.0.1")).toBe(false);
});
