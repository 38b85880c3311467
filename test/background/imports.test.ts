import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test("importing every entry connects to nothing, starts nothing, and lets the process end by itself", async () => {
  const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith(".json"))
    .map((entry) => entry.replace(/^\./, "rapidai"));
  expect(entries).toContain("rapidai/background");
  const program = `
    // These are created on first access.
    void [process.stdin, process.stdout, process.stderr];
    const listeners = () => process.eventNames().sort().join();
    const before = { listeners: listeners(), handles: process.getActiveResourcesInfo().sort().join() };
    for (const entry of ${JSON.stringify(entries)}) await import(entry);
    await new Promise((resolve) => setImmediate(resolve));
    const after = { listeners: listeners(), handles: process.getActiveResourcesInfo().sort().join() };
    console.log(JSON.stringify({ before, after }));`;
  const fromSource = new URL("../../scripts/from-source.ts", import.meta.url).href;
  // Nobody listens there, so a connection attempt would be noticed.
  const env = { ...process.env, RAPIDAI_QUEUE_URL: "redis://127.0.0.1:1", NODE_OPTIONS: "" };
  const args = ["--import", fromSource, "--input-type=module", "--eval", program];
  const { stdout, stderr } = await run(process.execPath, args, { env, timeout: 20_000 });
  const { before, after } = JSON.parse(stdout) as { before: unknown; after: unknown };
  expect(after).toEqual(before);
  expect(stderr).toBe("");
});
