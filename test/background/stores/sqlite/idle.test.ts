import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../peers.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/idle.ts", import.meta.url));

test.each([true, false])(
  "a program that has waited for its job, and closes nothing, ends by itself; thread: %s",
  async (thread) => {
    const args = [...process.execArgv, PROGRAM, join(newFolder(), "jobs.db"), String(thread)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe("done");
  },
);
