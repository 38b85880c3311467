import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { startModelServer } from "../llm/wire/model-server.ts";
import { argumentsOf, run, start } from "./program.ts";

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 2 });

const DEMO = argumentsOf("demo");
const ESCAPE = "\x1b";
const DRAW_OVER = new RegExp(`${ESCAPE}\\[(\\d+)A`);
/** Comes with Linux and macOS, in two ways; the one of util-linux is wanted. */
const SCRIPT = "script";
const hasScript = spawnSync(SCRIPT, ["--version"]).status === 0;

test.concurrent("where there is no terminal, it prints plain lines", async () => {
  const { code, stdout, stderr } = await run("demo");
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  expect(stdout).not.toContain(ESCAPE);
  expect(stdout).toMatch(/^Summaries: extractive: .* no language model\.$/m);
  expect(stdout).toMatch(/^shaky storage\.md: attempt [23] of 4 in [\d.]+ m?s: Processing failed: storage is busy$/m);
  expect(stdout).toMatch(/^5 MB of sources\.txt: [1-9]\d %/m);
  expect(stdout).toMatch(/^12 MB of sources\.txt: cancelled at [3-9]\d %$/m);
  expect(stdout).toMatch(/^document +chunks +attempts +took +summary$/m);
  for (const file of ["README\\.md", "leases\\.html", "retries\\.pdf", "queues\\.docx"])
    expect(stdout).toMatch(new RegExp(`^${file} +\\d+ +\\d+ +[\\d.]+ m?s {2}\\S`, "m"));
  expect(stdout).toMatch(/^shaky storage\.md +\d+ +[3-9] +\d/m);
  expect(stdout).toMatch(/^5 MB of sources\.txt: [3-9]\d % {2}worker killed$/m);
  expect(stdout).toMatch(/^5 MB of sources\.txt +[\d,]+ +[2-9] +\d/m);
  expect(stdout).toMatch(
    /^The worker was killed while processing "5 MB of sources\.txt"; the next one finished it on attempt [2-9]\.$/m,
  );
  expect(stdout).toMatch(/^Who may have a job .*\n(?: {2}0\.\d\d {2}.*\n)*? {2}0\.\d\d {2}leases\.html: /m);
  expect(stdout).toMatch(/^All as expected, in [\d.]+ s\.$/m);
});

test.concurrent("in memory there is one process, and with a key a language model, whose use stands beside each document", async () => {
  const server = await startModelServer();
  onTestFinished(() => server.close());
  const environment = { ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: server.url, RAPIDAI_QUEUE_URL: "memory:" };
  const { code, stdout, stderr } = await run("demo", environment);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^Summaries: claude-haiku-4-5\.$/m);
  expect(stdout).not.toMatch(/worker (?:was )?killed/);
  expect(stdout).toMatch(/^document +chunks +attempts +took +tokens +cost +summary$/m);
  expect(stdout).toMatch(/^leases\.html +\d+ +1 +[\d.]+ m?s +\d+ +\$0\.\d{5} {2}\w/m);
  expect(stdout).toMatch(/^5 MB of sources\.txt +[\d,]+ +1 +\d/m);
});

test.concurrent("what is not as expected is said, and the exit code is 1", async () => {
  const ignoresCancels = `
    const { fetch } = globalThis;
    globalThis.fetch = async (url, init) => {
      if (url.endsWith("/cancel")) return Response.json({ status: "cancelled" });
      return fetch(url, url.includes("sources.txt") ? { ...init, body: "A text." } : init);
    };`;
  const preload = `data:text/javascript,${encodeURIComponent(ignoresCancels)}`;
  const args = ["--import", preload, ...DEMO];
  const { code, stdout, stderr } = await start(process.execPath, args, { RAPIDAI_QUEUE_URL: "memory:" }).ended;
  expect(code, stdout).toBe(1);
  expect(stderr).toMatch(/^Unexpected: 12 MB of sources\.txt: expected cancelled, but it is completed \(null\)\.$/m);
  expect(stdout).not.toContain("All as expected");
});

test.concurrent("a service that does not answer as it should ends it with 1", async () => {
  const preload = "data:text/javascript,globalThis.fetch=async()=>new Response('broken',{status:500})";
  const { code, stderr } = await start(process.execPath, ["--import", preload, ...DEMO]).ended;
  expect(code).toBe(1);
  expect(stderr).toContain("PUT /documents/README.md?failures=0 returned 500: broken");
});

/** Where a demonstration of its own keeps its files. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-demo-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The processes that this one has started, and that still are there. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const isLinux = process.platform === "linux";

test.concurrent("Ctrl-C ends it soon and in good order: no process and no file is left", async () => {
  const folder = ownFolder();
  const { child, ended, printed } = start(process.execPath, DEMO, { TMPDIR: folder });
  await printed(/12 MB of sources\.txt: [1-9]\d? %/);
  const children = isLinux ? childrenOf(child.pid as number) : [];
  if (isLinux) expect(children).toHaveLength(1);
  const interruptedAt = performance.now();
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 130, stderr: "", stdout: expect.stringMatching(/\nInterrupted\.\n$/) });
  expect(performance.now() - interruptedAt).toBeLessThan(10_000);
  expect(children.filter(isAlive)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test.runIf(isLinux).concurrent("its worker does not outlive it, even when it is killed", async ({ expect }) => {
  const { child, ended, printed } = start(process.execPath, DEMO, { TMPDIR: ownFolder() });
  await printed(/12 MB of sources\.txt: [1-9]\d? %/);
  const children = childrenOf(child.pid as number);
  expect(children).toHaveLength(1);
  child.kill("SIGKILL");
  await ended;
  await expect.poll(() => children.filter(isAlive)).toEqual([]);
});

test.runIf(hasScript).concurrent("on a terminal it draws bars in place", async () => {
  const command = `stty cols 100 rows 40; exec ${[process.execPath, ...DEMO].join(" ")}`;
  const { ended } = start(SCRIPT, ["-qec", command, "/dev/null"], {
    TERM: "xterm-256color",
    RAPIDAI_QUEUE_URL: "memory:",
  });
  const { code, stdout } = await ended;
  expect(code, stdout).toBe(0);
  // Every second part is the number of lines that are drawn over: always all of them.
  const parts = stdout.replaceAll("\r", "").split(DRAW_OVER);
  const frames = parts.filter((_, i) => i % 2 === 0);
  expect(frames.length).toBeGreaterThan(4);
  expect(new Set(parts.filter((_, i) => i % 2 === 1)).size).toBe(1);

  const shown = stripVTControlCharacters(frames.join("\n"));
  expect(shown).toMatch(/^5 MB of sources\.txt +█+░+ {2}\d+ % {2}embedding 5 MB/m);
  expect(shown).toMatch(/^shaky storage\.md +░+ {2}attempt [23] of 4 in [\d.]+ m?s: Processing/m);
  expect(shown).toMatch(/^12 MB of sources\.txt +█+░+ {2}cancelled at [3-9]\d %$/m);
  expect(shown).toMatch(/^5 MB of sources\.txt +█+ {2}done in [\d.]+ s$/m);
  expect(stripVTControlCharacters(frames.at(-1) ?? "")).toMatch(/^All as expected/m);
  expect(stdout.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${ESCAPE}[?25l`));
});
