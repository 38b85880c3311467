import { join } from "node:path";
import { SqliteQueue } from "rapidai/background";
import { beforeAll, expect, test, vi } from "vitest";
import { isWithoutRedis } from "../redis/program.ts";
import { startRedis } from "../redis/server.ts";
import { ownFolder } from "../stores/folder.ts";
import { here, jsonLines, startCli } from "./command-line.ts";

vi.setConfig({ testTimeout: 90_000 });

const path = join(ownFolder(), "jobs.db");
const url = `sqlite:${path}`;
let jobId: string;

beforeAll(async () => {
  const queue = new SqliteQueue({ path, worker: false, thread: false });
  jobId = await queue.enqueue("resize", "cat.png");
  await queue.close();
});

/** Starts it, and says where it is and how it ended once it was told to. */
async function serving(...args: readonly string[]) {
  const program = startCli(["dashboard", "--port", "0", ...args], { url });
  const [, at = ""] = await program.printed(/(http:\/\/\S+\/)/);
  const end = async () => {
    program.child.kill("SIGTERM");
    return (await program.ended).code;
  };
  return { at, end };
}

test("dashboard serves the page and its API on this machine alone, and ends in good order", async () => {
  const { at, end } = await serving();
  expect(at).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await fetch(at);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain("<title>RapidAI: sqlite:");
  const api = new URL("api/", at);
  expect(await (await fetch(new URL("counts", api))).json()).toMatchObject({ byStatus: { pending: 1 } });
  const change = (origin: string) =>
    fetch(new URL(`jobs/${jobId}/cancel`, api), {
      method: "POST",
      headers: { "content-type": "application/json", origin },
      body: "{}",
    });
  expect((await change("http://elsewhere.example")).status).toBe(403);
  expect((await change(new URL(at).origin)).status).toBe(200);
  // A page that looks, and keeps its stream open, does not hold it up.
  const stream = await fetch(new URL("events", api)).catch(() => null);
  expect(await end()).toBe(0);
  await stream?.body?.cancel().catch(() => {});
});

test.skipIf(isWithoutRedis)(
  "dashboard says on standard error why a request failed, and shows the text as it is",
  async () => {
    const redis = await startRedis();
    const program = startCli(["dashboard", "--port", "0", "--json"], redis);
    const [, at = ""] = await program.printed(/"(http:[^"]+)"/);
    await redis.kill();
    expect((await fetch(new URL("api/counts", at))).status).toBe(503);
    program.child.kill("SIGTERM");
    const { code, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(jsonLines(stderr)[0]).toEqual({
      warning: {
        code: "queue_unavailable",
        message: expect.stringMatching(/^A request to the jobs API failed\. Redis at /),
      },
    });
  },
);

test("dashboard with --auth lets in who knows the password, and no one else", async () => {
  const { at, end } = await serving("--auth", "ops:geheim", "--read-only");
  const as = (credentials: string) =>
    fetch(at, { headers: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` } });
  const refused = await fetch(at);
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
    401,
    expect.stringMatching(/^Basic realm=/),
  ]);
  for (const wrong of ["ops:", "ops:geheim ", "ops:Geheim", ":geheim", ""]) expect((await as(wrong)).status).toBe(401);
  const page = await as("ops:geheim");
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("data-read-only");
  expect((await fetch(new URL("api/counts", at))).status).toBe(401);
  expect(await end()).toBe(0);
});

test("dashboard refuses what would show the queue to others without a password", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    const { code, stderr } = await here(["dashboard", "--host", host], { url });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("can be reached from other machines"),
    });
  }
  expect(await here(["dashboard", "--auth", "no-password"], { url })).toMatchObject({ code: 2 });
  expect(await here(["dashboard", "--auth", ""], { url })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("is empty: check whether a variable in it is not set"),
  });
  expect(await here(["dashboard"], { url: "sqlite:/nowhere/jobs.db" })).toMatchObject({ code: 4 });
});
