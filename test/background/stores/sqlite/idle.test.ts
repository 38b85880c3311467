import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../peers.ts";

/** What a program writes, once it has ended by itself. */
async function outputOf(program: string, ...args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
  const path = join(newFolder(), "jobs.db");
  const run = promisify(execFile)(process.execPath, [...process.execArgv, file, path, ...args], { timeout: 20_000 });
  return (await run).stdout;
}

test.each([true, false])(
  "a program that has waited for its job ends by itself, without closing the queue, thread: %s",
  async (thread) => {
    expect(await outputOf("idle.ts", String(thread))).toBe("done");
  },
);

test("a program whose queue cannot load its modules gets an error, and ends by itself", async () => {
  expect(await outputOf("left-behind.ts")).toBe("queue_unavailable");
});
