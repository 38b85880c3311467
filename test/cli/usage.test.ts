import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { stripVTControlCharacters } from "node:util";
import { newJobId, SqliteQueue } from "rapidai/background";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { firstIdAt } from "../../src/background/core/id-time.ts";
import { VERSION } from "../../src/background/engine/version.ts";
import { nodeCheck } from "../../src/cli/checkup.ts";
import { programOf, runProgram } from "../../src/cli/program.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { ownFolder } from "../stores/folder.ts";
import { cli, here, inShell, jsonLines, onTerminal, startCli } from "./command-line.ts";

vi.setConfig({ testTimeout: 90_000 });

const folder = ownFolder();
const path = join(folder, "jobs.db");
const url = `sqlite:${path}`;
const JOBS = 3_000;
const COMMANDS = [
  "worker",
  "list",
  "show",
  "explain",
  "enqueue",
  "retry",
  "cancel",
  "counts",
  "workers",
  "prune",
  "dashboard",
  "doctor",
] as const;

beforeAll(async () => {
  const queue = new SqliteQueue({ path, durability: "normal", worker: false });
  await queue.enqueueMany("spare", [1, 2, 3]);
  await queue.enqueueMany(
    "resize",
    Array.from({ length: JOBS }, (_, n) => ({ n })),
  );
  await queue.close();
});

describe.concurrent("the command line", () => {
  test("tells its version, and of each command what it takes, with examples", async () => {
    expect(await cli(["--version"])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
    const { code, stdout } = await here(["--help"]);
    expect(code).toBe(0);
    for (const name of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name}[ |]`, "m"));
      const help = await here([name, "--help"]);
      expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(`Usage: rapidai ${name}`) });
      expect(help.stdout).toMatch(new RegExp(`Examples:\n.*rapidai ${name}`, "s"));
      expect(help.stdout).toContain("--url <url>");
    }
  });

  test.each([
    [[], "Usage: rapidai"],
    [["lst"], "unknown command 'lst'"],
    [["list", "--colour"], "unknown option '--colour'"],
    [["list", "--status", "done"], "pending, running, completed, failed, cancelled"],
    [["list", "--limit", "0"], "It must be a whole number from 1"],
    [["show"], "missing required argument 'id'"],
    [["show", "\x1b[31m7"], "It must be a job id"],
    [["retry"], "Specify the jobs"],
    [["cancel", newJobId(), "--task", "x"], "Specify the jobs"],
    [["cancel", newJobId(), "--since", "2h"], "Specify the jobs"],
    [["list", "--since", "yesterday"], "or how long ago it was"],
    [["list", "--until", "2026-13-01"], "It must be a time"],
    [["enqueue", "x", "1", "--run-at", "7"], "It must be a time"],
    [["enqueue", "x", "1", "--run-at", "2026-01-01 (soon)"], "It must be a time"],
    [["cancel", "--until", "2026-02-30"], "It must be a time"],
    [["cancel", "--until", "2026-06-31T00:00:00Z"], "It must be a time"],
    [["prune"], "Specify which jobs to remove"],
    [["enqueue", "no good", "1"], "A task's name cannot be"],
    [["list", "--url", "memory:"], "A queue in memory cannot be reached from another process"],
    [["list", "--url", "mysql://here"], 'cannot begin with "mysql:"'],
    [["list", "--prefix", "x"], "--prefix is only for Redis"],
    [["list", "--allow-eviction"], "--allow-eviction is only for Redis"],
  ] as const)("refuses %j with 2 and a sentence", async (args, sentence) => {
    const isElsewhere = (args as readonly string[]).includes("--url");
    const { code, stdout, stderr } = await here(args, isElsewhere ? {} : { url });
    expect({ code, stdout, stderr }).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(sentence) });
    expect(stderr).not.toContain("\x1b");
  });

  test("wants to know which queue is meant", async () => {
    expect(await here(["list"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("No queue is specified"),
    });
  });

  test("as a process ends with the same codes", async () => {
    const [wrong, elsewhere] = await Promise.all([
      cli(["list", "--status", "done"], { url }),
      cli(["show", newJobId()], { url }),
    ]);
    expect(wrong).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("pending, running, completed"),
    });
    expect(elsewhere).toMatchObject({ code: 3, stdout: "" });
  });

  test("an empty url, as of a variable that is not set, is no other queue", async () => {
    const { code, stderr } = await here(["list"], { url: "" });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("The --url is empty") });
  });

  test("says as JSON what was wrong, where JSON was asked for", async () => {
    const { code, stdout, stderr } = await here(["list", "--limit", "none", "--json"], { url });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(jsonLines(stderr)).toEqual([
      { error: { code: "usage", message: expect.stringContaining("It must be a whole number") } },
    ]);
  });

  test("ends quietly when whoever reads has seen enough", async () => {
    const script = "rapidai list --limit 3000 | head -1; echo $PIPESTATUS";
    const { code, stdout, stderr } = await inShell(script, { url });
    const [line = "", ended] = stdout.trim().split("\n");
    expect({ code, stderr, ended }).toEqual({ code: 0, stderr: "", ended: "0" });
    expect(line.split("\t")).toMatchObject({ 1: "resize", 2: "pending" });
  });

  test.skipIf(!existsSync("/dev/full"))("says in one line that its output cannot be written", async () => {
    const { code, stderr } = await inShell("rapidai list --limit 50 > /dev/full", { url });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^rapidai: the output cannot be written: .*\n$/),
    });
  });

  test("changes all jobs that it was told to, also when whoever reads has seen enough", async () => {
    const own = `sqlite:${join(folder, "unread.db")}`;
    const queue = new SqliteQueue({ path: join(folder, "unread.db"), durability: "normal", worker: false });
    await queue.enqueueMany("resize", Array.from({ length: 300 }));
    await queue.close();
    const { stdout } = await inShell(
      "rapidai cancel --task resize --yes --json | true; echo $PIPESTATUS; rapidai counts",
      {
        url: own,
      },
    );
    expect(stdout).toBe("0\nresize\t0\t0\t0\t0\t300\n*\t0\t0\t0\t0\t300\n");
  });

  test("says what it leaves out unless told how many, where nobody sees that there is a next page", async () => {
    const [text, json, told, all, bound] = await Promise.all([
      here(["list", "--task", "resize"], { url }),
      here(["list", "--json"], { url }),
      here(["list", "--limit", "50"], { url }),
      here(["list", "--task", "spare"], { url }),
      here(["list", "--task", "resize", "--since", "1h"], { url }),
    ]);
    expect(text.stderr).toBe(`rapidai: These are the newest 50 of ${JOBS} jobs: use --limit for more.\n`);
    expect(text.stdout.trimEnd().split("\n")).toHaveLength(50);
    expect(jsonLines(json.stderr)).toEqual([
      { warning: { code: "more_jobs", message: expect.stringContaining(`newest 50 of ${JOBS + 3} jobs`) } },
    ]);
    expect(bound.stderr).toContain("the newest 50 jobs");
    expect([told.stderr, all.stderr]).toEqual(["", ""]);
  });

  test("interrupted while it reads a payload, ends and stores nothing", async () => {
    const path = join(folder, "interrupted.db");
    const never = new Promise<string>(() => {});
    const program = startCli(["enqueue", "mail", "-"], { url: `sqlite:${path}`, input: never });
    // More than a pipe holds: once it is written, most of it has been read.
    await new Promise((resolve) => program.child.stdin?.write(" ".repeat(4_000_000), resolve));
    program.child.kill("SIGINT");
    await program.ended;
    expect([program.child.signalCode, existsSync(path)]).toEqual(["SIGINT", false]);
  });

  test("reads no more of a payload than one may have", async () => {
    const { code, stderr } = await cli(["enqueue", "mail", "-"], { url, input: "[".repeat(17_000_000) });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("more than any payload may have") });
  });

  test("lists more than one page as JSON, one job a line", async () => {
    const { stdout } = await here(["list", "--limit", "2500", "--json"], { url });
    const ids = jsonLines(stdout).map(({ jobId }) => jobId as string);
    expect(new Set(ids).size).toBe(2_500);
    expect(ids).toEqual([...ids].sort().reverse());
  });

  test("reads no more of a list than whoever reads it has taken", async ({ expect }) => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const out = Object.assign(new EventEmitter(), { write, writableNeedDrain: true });
    const terminal = new Terminal(out as never, out as never);
    const argv = ["node", "rapidai", "list", "--json", "--limit", "3", "--url", url];
    const ended = runProgram(programOf(terminal, argv), terminal, argv);
    for (const count of [1, 2, 3]) {
      await expect.poll(() => out.listenerCount("drain")).toBe(1);
      expect(lines).toHaveLength(count);
      out.emit("drain");
    }
    await ended;
  });

  test("waits for nobody to take a list once it is interrupted", async () => {
    const out = Object.assign(new EventEmitter(), { writableNeedDrain: true });
    const interruption = new AbortController();
    const taken = new Terminal(out as never, out as never).drained(interruption.signal);
    interruption.abort();
    await taken;
    expect(out.listenerCount("drain")).toBe(0);
  });

  test("interrupted while it follows a job, ends with 130", async () => {
    const { stdout } = await here(["list", "--limit", "1", "--json"], { url });
    const [{ jobId }] = jsonLines(stdout) as [{ jobId: string }];
    const program = startCli(["show", jobId, "--follow"], { url });
    await program.printed(/pending/);
    program.child.kill("SIGINT");
    expect((await program.ended).code).toBe(130);
    const other = startCli(["show", jobId, "--follow"], { url });
    await other.printed(/pending/);
    other.child.kill("SIGTERM");
    expect((await other.ended).code).toBe(143);
  });

  test("prints the result of a job and nothing else, and none if it was cancelled, or it is interrupted or the job is lost", async () => {
    const path = join(folder, "results.db");
    const queue = new SqliteQueue({ path, worker: false });
    const ids = ["cancelled", "left", "lost"].map((_, age) => firstIdAt(Date.now() - 60_000 - age));
    await queue.enqueueMany("nobody", [1, 1, 1], { ids });
    const programs = ids.map((id) =>
      startCli(["enqueue", "nobody", "1", "--wait", "--id", id], { url: `sqlite:${path}` }),
    );
    // They have said that no worker runs the jobs, so they wait.
    await Promise.all(programs.map(({ child }) => new Promise((resolve) => child.stderr?.once("data", resolve))));
    await queue.cancel(ids[0] as string);
    programs[1]?.child.kill("SIGINT");
    const [cancelled, left] = await Promise.all(programs.slice(0, 2).map(({ ended }) => ended));
    expect(cancelled).toMatchObject({ code: 1, stdout: "cancelled\n" });
    expect(left).toMatchObject({ code: 130, stdout: "", stderr: expect.stringContaining(`Job ${ids[1]} continues`) });
    await queue.close();
    const db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec("DELETE FROM rapidai_jobs");
    db.close();
    const lost = await programs[2]?.ended;
    expect(lost).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining(`Job ${ids[2]} was not found`) });
  });

  test("waits for a job no longer than it may, and says why a job that is due does not run", async () => {
    const path = join(folder, "waiting.db");
    const place = { url: `sqlite:${path}` };
    const enqueue = (...args: string[]) => here(["enqueue", "nobody", "1", "--wait", ...args], place);
    const id = newJobId();
    expect(await enqueue("--timeout", "1ms", "--id", id)).toEqual({
      code: 124,
      stdout: "",
      stderr: expect.stringMatching(/^rapidai: .*[Nn]o worker.*\nrapidai: Job \S+ was not done within 1 ms\..*\n$/),
    });
    const json = await enqueue("--timeout", "1ms", "--json");
    expect(json).toMatchObject({ code: 124, stdout: "" });
    expect(jsonLines(json.stderr)).toMatchObject([{ warning: {} }, { error: { code: "wait_timeout" } }]);
    const due = firstIdAt(Date.now() - 60_000);
    const queue = new SqliteQueue({ path, worker: false });
    await queue.enqueue("nobody", 1, { id: due });
    const waiting = startCli(["enqueue", "nobody", "1", "--wait", "--id", due, "--json"], place);
    const said = await new Promise((resolve) => waiting.child.stderr?.once("data", resolve));
    expect(JSON.parse(String(said))).toMatchObject({ warning: { message: expect.stringMatching(/[Nn]o worker/) } });
    await queue.cancel(due);
    expect((await waiting.ended).code).toBe(1);
    await queue.close();
    expect(await here(["enqueue", "nobody", "1", "--timeout", "1s"], place)).toMatchObject({ code: 2 });
  });
});

describe.concurrent("on a terminal", () => {
  const visible = (stdout: string): string[] => stripVTControlCharacters(stdout).trimEnd().split(/\r\n/);

  test("shows a table with a heading, no wider than the terminal, and how to go on", async () => {
    const { code, stdout } = await onTerminal(["list", "--limit", "2"], { url, columns: 64 }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain("\x1b[33m");
    const lines = visible(stdout);
    expect(lines[0]).toMatch(/^JOB +TASK +STATUS/);
    expect(lines[1]).toMatch(/^ {2}CREATED +NOTE/);
    expect(lines.at(-1)).toMatch(/^More: --before [0-9a-f-]{36}$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(64);
  });

  test("uses no colour where NO_COLOR is set", async () => {
    const { stdout } = await onTerminal(["counts"], { url, env: { NO_COLOR: "1" } }).ended;
    expect(stdout).toContain("resize");
    expect(stdout).not.toContain("\x1b[3");
  });

  test("asks before it cancels many, and takes no for an answer", async () => {
    const one = onTerminal(["cancel", "--task", "spare", "--limit", "1"], { url, input: "n" });
    const { code, stdout } = await one.ended;
    expect(visible(stdout).join("\n")).toContain("Cancel 1 job (pending or running, task spare)?");
    expect(code).toBe(3);
    const typed = Promise.withResolvers<string>();
    const interrupted = onTerminal(["cancel", "--task", "spare", "--limit", "2"], { url, input: typed.promise });
    await interrupted.printed(/Cancel 2 jobs[\s\S]*Yes/);
    typed.resolve("\x03");
    expect((await interrupted.ended).code).toBe(130);
    const two = await onTerminal(["cancel", "--task", "spare", "--limit", "2"], { url, input: "y" }).ended;
    expect(two.code).toBe(0);
    expect(visible(two.stdout).at(-1)).toContain("2 cancelled");
  });
});

test("a Node.js that is too old is told so by every command", async () => {
  const versions = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })`;
  const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(versions)}"` };
  expect(await cli(["list"], { url, env })).toEqual({
    code: 1,
    stdout: "",
    stderr: "rapidai: Node.js 22.18 or newer is needed, but this is 20.1.0.\n",
  });
});

test("doctor refuses a Node.js that is too old", () => {
  expect(nodeCheck("22.17.9")).toMatchObject({ status: "fail", remedy: expect.stringContaining("22.18") });
  expect(nodeCheck("22.18.0").status).toBe("ok");
  expect(nodeCheck("26.0.0").status).toBe("ok");
});
