import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { background, RedisQueue, type RedisQueueOptions } from "rapidai/background";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cli } from "../../../cli/command-line.ts";
import { hasOpenssl, isWithoutRedis } from "../../../redis/program.ts";
import { freePort, type RedisProcess, startRedis } from "../../../redis/server.ts";
import { TcpProxy } from "../../../redis/tcp-proxy.ts";
import { ownFolder } from "../../../stores/folder.ts";

const folder = ownFolder();
const PASSWORD = "p@ss/w:rd";

describe.skipIf(isWithoutRedis || !hasOpenssl())("a Redis server that speaks TLS", () => {
  const key = join(folder, "key.pem");
  const certificate = join(folder, "certificate.pem");
  let redis: RedisProcess;
  let url: string;

  beforeAll(async () => {
    // A self-signed certificate.
    const about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", certificate, ...about], {
      stdio: "pipe",
    });
    const port = await freePort();
    redis = await startRedis({
      "tls-port": String(port),
      "tls-cert-file": certificate,
      "tls-key-file": key,
      "tls-ca-cert-file": certificate,
      "tls-auth-clients": "no",
      requirepass: PASSWORD,
    });
    url = `rediss://:${encodeURIComponent(PASSWORD)}@localhost:${port}/3`;
  });
  afterAll(() => redis?.stop());

  function open(options: RedisQueueOptions): RedisQueue {
    const queue = new RedisQueue(options);
    queue.on("error", () => {});
    onTestFinished(() => queue.close({ grace: 0 }));
    return queue;
  }

  test("can be used with a client that knows its authority", async () => {
    const client = createClient({ url, socket: { tls: true, ca: readFileSync(certificate) } as never });
    const queue = open({ client: client as never });
    const shout = background({ name: "shout", queue }, async (text: string) => text.toUpperCase());
    expect(await shout.wait(await shout.enqueue("over tls"))).toMatchObject({ result: "OVER TLS" });
  });

  test("can be used with a url if Node knows its authority, in the database that the url names", async () => {
    const run = (args: readonly string[]) => cli(args, { url, env: { NODE_EXTRA_CA_CERTS: certificate } });
    const { stdout, code } = await run(["enqueue", "mail", '"hello"', "--json"]);
    expect([code, JSON.parse(stdout)]).toEqual([0, { jobId: expect.any(String) }]);
    const client = createClient({ url: redis.url, password: PASSWORD });
    await client.connect();
    onTestFinished(() => client.destroy());
    expect(await client.info("keyspace")).toMatch(/^db3:/m);
  });

  test("whose authority is unknown is refused at once, with advice", async () => {
    const proxy = await TcpProxy.before(Number(new URL(url).port));
    onTestFinished(() => proxy.close());
    const queue = open({ url: proxy.url.replace("redis:", "rediss:") });
    await expect(queue.ready({ timeout: "20s" })).rejects.toMatchObject({
      code: "queue_unavailable",
      message: expect.stringMatching(/certificate that is not trusted .*NODE_EXTRA_CA_CERTS/),
    });
    // No second try could go better.
    expect(proxy.connections).toBe(1);
  });

  test("cannot be reached without TLS, nor can one without TLS be reached with it, and the error says so", async () => {
    const others = [
      [url.replace("rediss:", "redis:"), /without TLS\?$/],
      [`rediss://localhost:${redis.port}`, /with TLS\?$|no connection with TLS/],
    ] as const;
    await Promise.all(
      others.map(([other, message]) =>
        expect(open({ url: other }).ready({ timeout: "20s" })).rejects.toMatchObject({
          code: "queue_unavailable",
          message: expect.stringMatching(message),
        }),
      ),
    );
  });
});
