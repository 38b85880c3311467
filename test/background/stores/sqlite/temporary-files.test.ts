import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../peers.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/without-temporary-files.ts", import.meta.url));

test.skipIf(process.platform === "win32")(
  "jobs are stored where no temporary file can be created, as in a container that is read-only but for the queue's folder",
  async () => {
    const folder = newFolder();
    // SQLite accepts the folder, but no file's path in it: such a path would be too long.
    const unusable = join(folder, "x".repeat(200), "x".repeat(200), "x".repeat(200));
    mkdirSync(unusable, { recursive: true });
    const env = { ...process.env, SQLITE_TMPDIR: unusable };
    const args = [...process.execArgv, PROGRAM, join(folder, "jobs.db")];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(stdout).toBe("200 200 ");
  },
);
