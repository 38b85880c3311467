import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, start } from "../examples/program.ts";

test("payloads, results and inputs of routes have their types also without strict null checks", async () => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await start(process.execPath, [tsc, "-p", join("test", "background", "programs")]).ended;
  // The sources themselves need the checks.
  expect(stdout.split("\n").filter((line) => line.includes("programs/"))).toEqual([]);
});
