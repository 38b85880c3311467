// The jobs API over real connections, in each framework that an example mounts it in.

import { get } from "node:http";
import { expect, test, vi } from "vitest";
import { readEvents } from "../../src/app/event-reader.ts";
import { argumentsOf, start } from "./program.ts";

vi.setConfig({ testTimeout: 30_000 });

async function serve(framework: string): Promise<string> {
  const program = start(process.execPath, [...argumentsOf(`example:jobs-api-${framework}`), "--serve"]);
  const [, url] = await program.printed(/Listening on (http:\S+)/);
  return `${url}/admin/api`;
}

/** As a browser sends it whom a name server has told that this machine is another. */
function statusFor(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
}

test.concurrent.each(["hono", "express", "fastify"])(
  "%s: changes are seen live, and strangers are refused",
  async (framework) => {
    const url = await serve(framework);
    const leave = new AbortController();
    const stream = await fetch(`${url}/events`, { signal: leave.signal });
    const events = readEvents(stream.body);
    expect((await events.next()).value).toMatchObject({ event: "snapshot" });

    const enqueued = await fetch(`${url}/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ task: "greet", payload: { name: "Grace" } }),
    });
    expect(enqueued.status).toBe(201);
    let event = (await events.next()).value;
    while (event && !(event.event === "counts" && JSON.parse(event.data).byStatus.completed === 1))
      event = (await events.next()).value;
    expect(event).toBeDefined();
    leave.abort();

    expect(await statusFor(`${url}/counts`, {})).toBe(200);
    expect(await statusFor(`${url}/counts`, { host: "evil.example" })).toBe(403);
    expect(await statusFor(`${url}/counts`, { origin: "http://evil.example" })).toBe(403);
    expect(await statusFor(`${url}/counts`, { "x-forwarded-for": "203.0.113.9" })).toBe(403);
  },
);
