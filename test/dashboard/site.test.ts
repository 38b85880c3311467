import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { App } from "rapidai";
import { InMemoryQueue } from "rapidai/background";
import { type DashboardOptions, dashboard } from "rapidai/http";
import { TestClient } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { silentLogger } from "../../src/background/engine/logger.ts";

const ORIGIN = "http://localhost:3000";

function open(options: Partial<DashboardOptions> = {}) {
  const queue = new InMemoryQueue({ worker: false });
  onTestFinished(() => queue.close());
  const handler = dashboard({ queue, logger: silentLogger, ...options });
  return {
    handler,
    get: (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
      handler(new Request(ORIGIN + path, { method, headers })),
  };
}

/** The addresses that a page loads from. */
const filesOf = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);

describe("the page", () => {
  test("has a policy that lets nothing run but the server's own files, and no text become markup", async () => {
    const response = await open().get("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("content-security-policy")?.split("; ");
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
      ]),
    );
    expect(policy?.join()).not.toMatch(/unsafe|\*|https?:|data:/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("cache-control")).toBe("no-cache, private");
  });

  test("has no script, style or handler in itself", async () => {
    const html = await (await open().get("/")).text();
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/i);
    for (const [, script] of html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)) expect(script).toBe("");
  });

  test("mounted elsewhere than it was told, says so in place of its files, of which one hides that", async () => {
    const { get } = open({ basePath: "/ops" });
    const html = await (await get("/")).text();
    expect(html).toContain(
      "The files of this page were not found at /ops/assets: pass dashboard() the basePath that it is mounted at.",
    );
    const style = filesOf(html).find((file) => file.endsWith(".css")) as string;
    expect(await (await get(style)).text()).toContain(".has-no-files{display:none}");
  });

  test("loads files that never change under their names, compressed where that is taken, in all below 60 kB", async () => {
    const { get } = open();
    const page = await get("/");
    const html = await page.text();
    const files = filesOf(html);
    expect(files).toHaveLength(4);
    let bytes = html.length;
    for (const file of files) {
      expect(file).toMatch(/^\/assets\/\w+-[\w-]{8}\.(?:js|css|svg)$/);
      const compressed = await get(file, { "accept-encoding": "br, gzip" });
      expect(compressed.status).toBe(200);
      expect(compressed.headers.get("content-encoding")).toBe("gzip");
      expect(compressed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(compressed.headers.get("vary")).toBe("accept-encoding");
      expect(compressed.headers.get("x-content-type-options")).toBe("nosniff");
      const body = Buffer.from(await compressed.arrayBuffer());
      bytes += body.length;
      const plain = await get(file, { "accept-encoding": "gzip;q=0" });
      expect(plain.headers.get("content-encoding")).toBeNull();
      expect(Buffer.from(await plain.arrayBuffer())).toEqual(gunzipSync(body));
    }
    expect(bytes).toBeLessThan(60_000);
  });

  test.each(["preact", "uplot"])("has the license of %s with it, as that asks for in every copy", async (name) => {
    const { get } = open();
    const main = filesOf(await (await get("/")).text()).find((file) => file.includes("/main-")) as string;
    const license = readFileSync(new URL(`../../node_modules/${name}/LICENSE`, import.meta.url), "utf8");
    expect(await (await get(main)).text()).toContain(license);
  });

  test("takes its title as text", async () => {
    const html = await (await open({ title: "</title><script>alert(1)</script>" }).get("/")).text();
    expect(html).not.toContain("<script>alert");
    expect(html).toContain("<title>&#60;/title&#62;");
  });

  test("is at each address that it shows, and nowhere else", async () => {
    const { get } = open();
    const id = "01950000-0000-7000-8000-000000000000";
    for (const path of ["/", "/jobs", "/jobs?status=failed", `/jobs/${id}`, "/why", "/why/"])
      expect((await get(path)).status, path).toBe(200);
    for (const path of [
      "/favicon.ico",
      "/assets/",
      "/assets/main.js",
      "/assets/__proto__",
      "/assets/constructor",
      "/a/b/c",
    ])
      expect((await get(path)).status, path).toBe(404);
    const lost = await get("/dashboard");
    expect(await lost.text()).toContain("dashboard({ basePath })");
    expect(lost.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect((await get("/jobs", {}, "POST")).status).toBe(405);
  });

  test("works beneath a path, whether the path is handed on or not", async () => {
    const { get, handler } = open({ basePath: "/admin/jobs/" });
    for (const path of ["/admin/jobs", "/admin/jobs/", "/admin/jobs/why", "/", "/why"]) {
      const response = await get(path);
      expect(response.status, path).toBe(200);
      const files = filesOf(await response.text());
      expect(files.every((file) => file.startsWith("/admin/jobs/assets/"))).toBe(true);
      expect((await get(files[0] as string)).status).toBe(200);
    }
    expect((await get("/admin/jobs/api/counts")).status).toBe(200);
    const client = new TestClient(new App().mount("/admin/jobs", handler));
    expect((await client.get("/admin/jobs/api/counts")).status).toBe(200);
    expect((await client.get("/admin/jobs/")).status).toBe(200);
  });
});

test.each(["/jobs", "/why", "/assets"])(
  "it can be mounted at %s, which is a path of its own, too",
  async (basePath) => {
    const { get, handler } = open({ basePath });
    const client = new TestClient(new App().mount(basePath, handler));
    for (const ask of [get, (path: string) => client.get(path)]) {
      const page = await ask(basePath);
      const [file = ""] = filesOf(await page.text());
      for (const path of [file, `${basePath}/jobs/01950000-0000-7000-8000-000000000000`, `${basePath}/api/counts`])
        expect((await ask(path)).status, path).toBe(200);
      expect((await ask(`${basePath}/a/b/c`)).status).toBe(404);
    }
  },
);

describe("who may see it", () => {
  const auth: DashboardOptions["auth"] = (request) => {
    const role = request.headers.get("x-role");
    return role === "read" || role === "write" ? { role } : null;
  };

  test("strangers get neither the page nor its API", async () => {
    const { get } = open({ auth });
    expect((await get("/")).status).toBe(401);
    const answer = await get("/api/counts");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([401, "application/json"]);
  });

  test("who may only read gets a page without buttons, and who may write one with them", async () => {
    const { get } = open({ auth });
    expect(await (await get("/", { "x-role": "read" })).text()).toContain("data-read-only");
    expect(await (await get("/", { "x-role": "write" })).text()).not.toContain("data-read-only");
    const { get: getReadOnly } = open({ auth, readOnly: true });
    expect(await (await getReadOnly("/", { "x-role": "write" })).text()).toContain("data-read-only");
  });

  test("without auth only this machine does, by its own name; a link from elsewhere leads to the page, but no script of elsewhere to its data", async () => {
    const { handler, get } = open();
    const from = (url: string, headers: Record<string, string> = {}) => handler(new Request(url, { headers }));
    expect((await from("http://evil.example/")).status).toBe(403);
    expect((await from("http://localhost/", { host: "evil.example" })).status).toBe(403);
    expect((await get("/", { "x-forwarded-for": "203.0.113.7" })).status).toBe(403);
    const visit = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await get("/", visit)).status).toBe(200);
    expect((await get("/", { ...visit, "sec-fetch-mode": "no-cors" })).status).toBe(403);
    expect((await get("/api/counts", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" })).status).toBe(403);
  });

  test("what goes wrong within is said to the operator, on the console unless there is a logger, and to nobody else", async () => {
    const failure = new Error("no directory today");
    const auth = () => {
      throw failure;
    };
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => said.mockRestore());
    const error = () => {
      throw new Error("disk full");
    };
    for (const logger of [undefined, { ...silentLogger, error }]) {
      const { get } = open({ auth, logger });
      for (const path of ["/", "/api/counts"]) {
        const response = await get(path);
        expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining("directory")]);
      }
    }
    expect(said.mock.calls.map(([, error]) => error)).toEqual([failure, failure]);
  });

  test("options that are none are refused", () => {
    const queue = new InMemoryQueue({ worker: false });
    onTestFinished(() => queue.close());
    expect(() => dashboard({ queue, readonly: true } as never)).toThrow(/readonly/);
    expect(() => dashboard({ queue, basePath: "//evil.example" })).toThrow(/basePath/);
    expect(() => dashboard({ queue, title: 7 as never })).toThrow(/title/);
  });
});

test("a viewer does not hold the server open", async () => {
  const { handler } = open({ basePath: "/dashboard" });
  const logger = { debug() {}, info() {}, warn() {}, error: console.error };
  // Within another App, too.
  const app = new App({ logger }).mount("/admin", new App({ logger }).mount("/dashboard", handler));
  const server = await app.run({ port: 0 });
  const stream = await fetch(`${server.url}/admin/dashboard/api/events`);
  expect(stream.headers.get("content-type")).toContain("text/event-stream");
  await server.close({ grace: "5m" });
  expect(await stream.text()).toContain("event: snapshot");
});
