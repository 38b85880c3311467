import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../peers.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/without-threads.ts", import.meta.url));
const PERMISSION = "--permission";

test.skipIf(!process.allowedNodeEnvironmentFlags.has(PERMISSION))(
  "if the permissions of Node.js forbid threads, every call says so, and what to do",
  async () => {
    const flags = [PERMISSION, "--allow-fs-read=*", "--allow-fs-write=*"];
    const args = [...flags, ...process.execArgv, PROGRAM, join(newFolder(), "jobs.db")];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const refused = {
      code: "backend_unavailable",
      message: expect.stringContaining(
        "SqliteQueue needs a thread, but Node.js's permissions forbid it: add --allow-worker, or set thread: false.",
      ),
    };
    expect(JSON.parse(stdout)).toEqual({ ready: refused, enqueue: refused, get: refused, withoutThread: "string" });
  },
);
