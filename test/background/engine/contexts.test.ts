import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PROGRAM: string = fileURLToPath(new URL("./programs/contexts.ts", import.meta.url));
/** How Node.js kept contexts before version 24, and still can on request. */
const OLD_WAY = "--no-async-context-frame";
const WAYS = process.allowedNodeEnvironmentFlags.has(OLD_WAY) ? [[], [OLD_WAY]] : [[]];

test.each(WAYS)(
  "the context that a handler enters in an AsyncLocalStorage of its own stays with its job: node %s",
  async (...flags) => {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...process.execArgv, PROGRAM]);
    expect(JSON.parse(stdout)).toEqual({
      found: [{ after: "ada", isAtHand: true }, { isAtHand: true }],
      outside: null,
    });
  },
);
