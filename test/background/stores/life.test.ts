import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ownRedis } from "../../redis/own-redis.ts";
import { isWithoutRedis } from "../../redis/program.ts";
import { newFolder } from "./peers.ts";
import type { SharedOptions } from "./programs/shared.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/running.ts", import.meta.url));

/** What the program writes until it ends by itself. */
async function outputOf(options: SharedOptions): Promise<string> {
  const args = [...process.execArgv, PROGRAM, JSON.stringify(options)];
  return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout;
}

describe("a process with a durable queue exits when its running job has ended, whatever else is waiting", () => {
  test.each([true, false])("on SQLite, thread: %s", async (thread) => {
    expect(await outputOf({ path: join(newFolder(), "jobs.db"), thread })).toBe("ran");
  });

  const redis = ownRedis();
  test.skipIf(isWithoutRedis)("on Redis", async () => {
    expect(await outputOf({ url: redis.url })).toBe("ran");
  });
});
