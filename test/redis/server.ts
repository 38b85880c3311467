import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";
import { environment } from "./locale.ts";
import { redisProgram } from "./program.ts";

/** A Redis process for tests, on a free port, with its own folder. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Kills it. */
  kill(): Promise<void>;
  /** Starts it again with the same port and files, and with additional settings. */
  restart(more?: Readonly<Record<string, string>>): Promise<void>;
  /** Kills it and removes its files. */
  stop(): Promise<void>;
}

/**
 * @param settings the server's options: `{ appendonly: "yes" }`
 * @param sentinel starts a sentinel instead, with these lines in its configuration
 */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  sentinel?: readonly string[],
): Promise<RedisProcess> {
  const program = redisProgram();
  if (program === undefined)
    throw new Error("There is no redis-server: install it, on Debian with apt-get install redis-server.");
  const folder = mkdtempSync(join(tmpdir(), "rapidai-redis-"));
  let port = await freePort();
  const first: string[] = [];
  if (sentinel !== undefined) {
    // It rewrites the file when what it knows changes.
    const file = join(folder, "sentinel.conf");
    writeFileSync(file, sentinel.map((line) => `sentinel ${line}\n`).join(""));
    first.push(file, "--sentinel");
  }
  const args = () => {
    const own = { port: String(port), bind: "127.0.0.1", dir: folder, save: "", "enable-debug-command": "yes" };
    const given = Object.entries({ ...own, ...settings });
    return [...first, ...given.flatMap(([name, value]) => [`--${name}`, value])];
  };
  let child: ChildProcess | undefined;
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const added = Object.entries(more).flatMap(([name, value]) => [`--${name}`, value]);
    child = spawn(program, [...args(), ...added], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, ...environment },
    });
    await answering(port, child, settings.requirepass);
  };
  const kill = () =>
    new Promise<void>((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", () => resolve());
      child.kill("SIGKILL");
    });
  for (let tries = 1; ; tries++) {
    try {
      await start();
      break;
    } catch (error) {
      // Another process may have taken the port meanwhile, or the port above it that a cluster node needs.
      const isOver = child?.exitCode !== null;
      await kill();
      if (!isOver || tries === 5) throw error;
      port = await freePort();
    }
  }
  // A test that dies must not leave a server behind.
  const onExit = () => child?.kill("SIGKILL");
  process.once("exit", onExit);
  const own = port;
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    get pid() {
      return child?.pid as number;
    },
    kill,
    restart: start,
    stop: async () => {
      await kill();
      process.off("exit", onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Cluster nodes also use the port 10,000 above their own. */
const HIGHEST_PORT = 55_535;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port > HIGHEST_PORT ? freePort() : port;
}

async function answering(port: number, child: ChildProcess, password: string | undefined): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (child.exitCode !== null) throw new Error(`The Redis server on port ${port} ended with ${child.exitCode}.`);
    const client = createClient({
      socket: { port, host: "127.0.0.1", reconnectStrategy: false },
      ...(password === undefined ? {} : { password }),
    });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.ping();
      // Another server may have the port, so that this one is about to end.
      if ((await client.info("server")).includes(`process_id:${child.pid}\r\n`)) return;
    } catch {
      // Not listening yet, or still loading.
    } finally {
      if (client.isOpen) client.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The Redis server on port ${port} did not answer.`);
}
