import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, start } from "../examples/program.ts";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "../stores/folder.ts";

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly outcome: string | null;
}

const folder = ownFolder();
const redis = ownRedis();

async function run(role: "producer" | "worker", url: string): Promise<{ spans: Span[]; completed: number | null }> {
  const program = join(ROOT, "test/monitoring/programs/traced.ts");
  const { stdout, stderr, code } = await start(process.execPath, [
    "--import",
    "./scripts/from-source.ts",
    program,
    role,
    url,
  ]).ended;
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  return JSON.parse(stdout);
}

/** In a fresh process for each end: the trace has to go through the store. */
async function expectOneTrace(url: string): Promise<void> {
  const { spans: sent } = await run("producer", url);
  const { spans: processed, completed } = await run("worker", url);
  const [send, request] = sent as [Span, Span];
  expect(sent).toEqual([
    { ...send, name: "send convert", parentId: request.spanId },
    { ...request, name: "request", parentId: null },
  ]);
  const attempts = processed.filter(({ name }) => name === "process convert");
  expect(attempts.map(({ outcome }) => outcome)).toEqual(["retrying", "completed"]);
  expect(attempts.map(({ parentId }) => parentId)).toEqual([send.spanId, send.spanId]);
  const decodes = processed.filter(({ name }) => name === "decode");
  expect(decodes.map(({ parentId }) => parentId)).toEqual(attempts.map(({ spanId }) => spanId));
  expect(new Set([...sent, ...processed].map(({ traceId }) => traceId)).size).toBe(1);
  expect(completed).toBe(1);
}

describe("a trace goes from the process that enqueues to the one that works", { timeout: 60_000 }, () => {
  test("on SQLite", () => expectOneTrace(`sqlite:${join(folder, "jobs.db")}`));
  test.skipIf(isWithoutRedis)("on Redis", () => expectOneTrace(redis.url));
});
