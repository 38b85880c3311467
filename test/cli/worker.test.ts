import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { background } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import type { Program } from "../examples/program.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { startRedis } from "../redis/server.ts";
import { ownFolder } from "../stores/folder.ts";
import { cli, here, jsonLines, startCli } from "./command-line.ts";
import { onSharedQueues } from "./places.ts";

// Where more run at a time, some are not ready within the two seconds that they give their queue.
vi.setConfig({ maxConcurrency: 2 });

const TASKS = "test/cli/programs/tasks.ts";
const folder = ownFolder();
let gates = 0;
/** A file that is not there yet. */
const gate = (): string => join(folder, `gate-${gates++}`);
const ready = (program: Program) => program.printed(/ready .*\n/);

onSharedQueues((placeOf) => {
  test.concurrent("worker runs the tasks of a TypeScript module, says so, is asked how it is, and ends with 0", async (context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const before = await queue.enqueue("echo", "before");
    const program = startCli(["worker", TASKS, ...place.args, "--health", "0", "--concurrency", "3"], place);
    const [, port] = await program.printed(/http:\/\/127\.0\.0\.1:(\d+)/);
    await ready(program);
    expect(await queue.wait(before, { timeout: "20s" })).toMatchObject({ status: "completed", result: "before" });
    const refused = await queue.wait(await queue.enqueue("refuses", "\x1b[31mno"), { timeout: "20s" });
    expect(refused.status).toBe("failed");
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      isHealthy: true,
      isStopping: false,
      queues: [{ workers: [{ slots: 3 }] }],
    });
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: "POST" })).status).toBe(405);
    const waited = await here(["enqueue", "echo", '{"a":1}', "--wait", ...place.args], place);
    expect(waited).toEqual({ code: 0, stdout: '{"a":1}\n', stderr: "" });
    await program.printed(/failed .*\n/);
    program.child.kill("SIGTERM");
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/Working on (sqlite|redis):\S+(, prefix cli:\d+:)? for echo, refuses, until\n/);
    expect(stdout).toContain(`completed echo ${before} in `);
    expect(stdout).toContain("after attempt 1: \\u001b[31mno");
    expect(stdout).toMatch(/Stopping: 0 jobs running.*\n.*Stopped\n$/);
    expect((await queue.health()).workers).toEqual([]);
  });

  test.concurrent.for(["SIGTERM", "SIGINT"] as const)(
    "worker told %s amid a job hands it back, and another finishes it",
    async (signal, context) => {
      const place = placeOf(context);
      const queue = await place.open();
      const program = startCli(["worker", TASKS, ...place.args, "--grace", "0", "--json"], place);
      await program.printed(/"event":"ready"/);
      const file = gate();
      const jobId = await queue.enqueue("until", file);
      await program.printed(/"event":"started"/);
      program.child.kill(signal);
      const { code, stdout } = await program.ended;
      expect(code).toBe(0);
      expect(jsonLines(stdout).map(({ event }) => event)).toEqual([
        "ready",
        "started",
        "stopping",
        "released",
        "stopped",
      ]);
      expect(await queue.getResult(jobId)).toMatchObject({ status: "pending", attempts: 0 });
      const other = await place.open({ worker: true });
      background({ name: "until", queue: other }, async (path: string) => `finished elsewhere: ${path}`);
      expect(await queue.wait(jobId, { timeout: "20s" })).toMatchObject({ status: "completed", attempts: 1 });
    },
  );

  test.concurrent.for([
    [["--task", "echo", "--task", "until", "--except", "until"], "echo"],
    [["--except", "refuses"], "echo, until"],
  ] as const)("worker told %j runs jobs of no other tasks, and says so: %s", async ([args, names], context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const left = await queue.enqueue("refuses", "no");
    const program = startCli(["worker", TASKS, ...place.args, ...args], place);
    await ready(program);
    expect(await queue.wait(await queue.enqueue("echo", "yes"), { timeout: "20s" })).toMatchObject({ result: "yes" });
    expect((await queue.health()).workers).toMatchObject([{ tasks: names.split(", ") }]);
    program.child.kill("SIGTERM");
    expect((await program.ended).stdout).toContain(` for ${names}\n`);
    expect(await queue.getResult(left)).toMatchObject({ status: "pending", attempts: 0 });
  });

  const CRASHING = "test/cli/programs/crashing.ts";

  test.concurrent.for([
    ["throw", "Error: boom"],
    ["reject", 'the reason "a text"'],
  ] as const)(
    "a job that brings its worker down by what it does beside (%s) does not cost those that run there an attempt",
    async ([how, message], context) => {
      const place = placeOf(context);
      const queue = await place.open();
      const program = startCli(["worker", CRASHING, ...place.args, "--json"], place);
      await program.printed(/"event":"ready"/);
      const innocent = await queue.enqueueMany("innocent", [1, 2]);
      for (const id of innocent) await program.printed(new RegExp(`"started","jobId":"${id}"`));
      const poison = await queue.enqueue("poison", how);
      const { code, stdout, stderr } = await program.ended;
      expect(code).toBe(1);
      expect(stderr).toContain(message);
      const events = jsonLines(stdout);
      expect(events.map(({ event }) => event)).not.toContain("error");
      const crashed = events.filter(({ event }) => event === "crashed");
      expect(crashed).toMatchObject([
        { jobId: poison, task: "poison", attempt: 1, error: expect.stringContaining(message) },
      ]);
      const running = crashed[0]?.running as { jobId: string }[];
      expect(running.map(({ jobId }) => jobId).sort()).toEqual([...innocent, poison].sort());
      expect(
        events
          .filter(({ event }) => event === "released")
          .map(({ jobId }) => jobId)
          .sort(),
      ).toEqual(innocent);
      const left = await Promise.all([...innocent, poison].map((id) => queue.getResult(id)));
      expect(left.map((job) => [job?.status, job?.attempts])).toEqual([
        ["pending", 0],
        ["pending", 0],
        // Until its lease has run out.
        ["running", 1],
      ]);
    },
  );

  test.concurrent("whoever reads its log may go: it works on, and ends in good order", async (context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const program = startCli(["worker", TASKS, ...place.args], place);
    await ready(program);
    program.child.stdout?.destroy();
    program.child.stderr?.destroy();
    for (const n of [1, 2])
      expect(await queue.wait(await queue.enqueue("echo", n), { timeout: "20s" })).toMatchObject({ result: n });
    program.child.kill("SIGTERM");
    const { code } = await program.ended;
    expect(code).toBe(0);
    expect((await queue.health()).workers).toEqual([]);
  });

  test.concurrent("a job that is given time finishes before the worker ends, and show --follow sees it through", async (context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const program = startCli(["worker", TASKS, ...place.args, "--quiet"], place);
    await ready(program);
    const file = gate();
    const jobId = await queue.enqueue("until", file);
    const following = startCli(["show", jobId, "--follow", ...place.args], place);
    await following.printed(/running {2}\d+ % {2}\d of 10 {2}looking/);
    program.child.kill("SIGTERM");
    await program.printed(/Stopping: 1 job running/);
    writeFileSync(file, "");
    expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
    expect(await following.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"there"') });
    expect(await queue.getResult(jobId)).toMatchObject({ status: "completed", attempts: 1 });
  });
});

describe("worker", () => {
  const url = (): string => `sqlite:${join(folder, `worker-${gates++}.db`)}`;

  test.concurrent("ends at once on a second signal", async () => {
    const place = { url: url() };
    const program = startCli(["worker", TASKS], place);
    await ready(program);
    await here(["enqueue", "until", JSON.stringify(gate())], place);
    await program.printed(/started/);
    program.child.kill("SIGTERM");
    await program.printed(/Stopping/);
    // One that comes right after the first counts as the same, so it is sent until it is heard.
    const send = () => {
      program.child.kill("SIGTERM");
      return program.child.exitCode;
    };
    await expect.poll(send).toBe(143);
  });

  test
    .skipIf(isWithoutRedis)
    .concurrent("says that its Redis went away, that it is back, and goes on", async ({ onTestFinished }) => {
      const redis = await startRedis({ appendonly: "yes" });
      onTestFinished(() => redis.stop());
      const program = startCli(["worker", TASKS], redis);
      await ready(program);
      await redis.kill();
      await program.printed(/error .*Redis at redis:\/\/127/);
      await redis.restart();
      await program.printed(/recovered The queue is working again after \d/);
      const { stdout } = await here(["enqueue", "echo", '"again"', "--wait"], redis);
      expect(stdout.trim().split("\n").at(-1)).toBe('"again"');
      program.child.kill("SIGTERM");
      expect((await program.ended).code).toBe(0);
    });

  test
    .skipIf(isWithoutRedis)
    .concurrent(
      "says at its end which jobs it could not hand back, since its Redis was away",
      async ({ expect, onTestFinished }) => {
        const redis = await startRedis({ appendonly: "yes" });
        onTestFinished(() => redis.stop());
        const program = startCli(["worker", TASKS, "--grace", "0"], redis);
        await ready(program);
        await here(["enqueue", "until", JSON.stringify(gate())], redis);
        await program.printed(/started/);
        await redis.kill();
        program.child.kill("SIGTERM");
        const { code, stdout } = await program.ended;
        expect(code).toBe(0);
        expect(stdout).toMatch(/Stopped: the outcome of 1 job could not be stored.*lease/);
      },
    );

  test.concurrent("begins no job before all modules are loaded", async () => {
    const shared = url();
    const own = join(folder, "own-while-loading.db");
    const ids: string[] = [];
    for (const [place, task] of [
      [shared, "echo"],
      [`sqlite:${own}`, "own"],
    ] as const) {
      ids.push((await here(["enqueue", task, "1"], { url: place })).stdout.trim());
    }
    const args = ["worker", TASKS, "test/cli/programs/slow-to-load.ts"];
    const { code, stdout, stderr } = await cli(args, { url: shared, env: { OWN_QUEUE: own } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("no database today");
    for (const [index, place] of [shared, `sqlite:${own}`].entries()) {
      const { stdout: shown } = await here(["show", ids[index] ?? "", "--json"], { url: place });
      expect(jsonLines(shown)).toMatchObject([{ status: "pending", attempts: 0, history: [] }]);
    }
  });

  test.concurrent("that ends amid jobs says which, whoever ended it, and goes on where the program says so", async () => {
    const started = async (env: Readonly<Record<string, string>> = {}) => {
      const place = { url: url(), env };
      const program = startCli(["worker", "test/cli/programs/crashing.ts", "--grace", "0"], place);
      await ready(program);
      const { stdout } = await here(["enqueue", "innocent"], place);
      await program.printed(/started/);
      return { program, place, jobId: stdout.trim() };
    };
    const exiting = await started();
    await here(["enqueue", "poison", '"exit"'], exiting.place);
    const exited = await exiting.program.ended;
    expect(exited.code).toBe(3);
    expect(exited.stdout).toContain(`The process exits with 3 · 2 jobs running: innocent ${exiting.jobId}, poison `);

    const struck = await started();
    struck.program.child.kill("SIGUSR2");
    const { code, stdout } = await struck.program.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/crashed {3}Error: bang · 1 job running: innocent \S+\n$/);

    const stopping = await started();
    await here(["enqueue", "poison", '"later"'], stopping.place);
    await stopping.program.printed(/started {3}poison|started\s+poison/);
    stopping.program.child.kill("SIGTERM");
    expect(await stopping.program.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("Error: boom") });

    const heard = await started({ OWN_LISTENER: "1" });
    heard.program.child.kill("SIGUSR2");
    await heard.program.printed(/heard bang/);
    heard.program.child.kill("SIGTERM");
    expect(await heard.program.ended).toMatchObject({ code: 0, stdout: expect.not.stringContaining("crashed") });
  });

  test.concurrent.for([
    [[], [3]],
    [["--concurrency", "5"], [5]],
  ] as const)("lets its modules set options of the default queue, but for its own: %j", async ([args, slots]) => {
    const place = { url: url() };
    const program = startCli(["worker", "test/cli/programs/configured.ts", ...args], place);
    await ready(program);
    const { stdout } = await here(["enqueue", "slots", "--wait"], place);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) as string)).toEqual(slots);
    program.child.kill("SIGTERM");
    expect((await program.ended).code).toBe(0);
  });

  test.concurrent("leaves tasks on the queue that they have", async () => {
    const own = join(folder, "own.db");
    const program = startCli(["worker", "test/cli/programs/own-queue.ts"], { env: { OWN_QUEUE: own } });
    expect((await ready(program))[0]).toContain(`Working on sqlite:${own} for own`);
    const { code, stdout } = await here(["enqueue", "own", '"here"', "--wait"], { url: `sqlite:${own}` });
    expect({ code, last: stdout.trim().split("\n").at(-1) }).toEqual({ code: 0, last: '"here"' });
    program.child.kill("SIGTERM");
    expect((await program.ended).code).toBe(0);
  });

  test.concurrent("refuses what cannot work, with a sentence", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    const enumFile = join(folder, "enum.ts");
    writeFileSync(enumFile, "enum Colour { Red }\nconsole.log(Colour.Red);\n");
    const compiledNames = ["./enum.js", "./enum"].map((name, index) => {
      const file = join(folder, `compiled-name-${index}.ts`);
      writeFileSync(file, `import ${JSON.stringify(name)};\n`);
      return file;
    });
    const programs = "test/cli/programs";
    const cases = [
      [["worker", `${programs}/missing.ts`], { url: url() }, 2, "missing.ts was not found."],
      [["worker", `${programs}/no-task.ts`], { url: url() }, 2, "no task was defined with background()"],
      [["worker", `${programs}/throws.ts`], { url: url() }, 1, "no database today"],
      [["worker", `${programs}/producer.ts`], {}, 2, "created with worker: false"],
      [
        ["worker", `${programs}/own-queue.ts`, "--prefix", "staging:", "--concurrency", "3"],
        { env: { OWN_QUEUE: join(folder, "own.db") } },
        2,
        "queues of their own, so --prefix, --concurrency would have no effect",
      ],
      [
        ["worker", `${programs}/own-queue.ts`, "--url", url()],
        { env: { OWN_QUEUE: join(folder, "own.db") } },
        2,
        "so --url would have no effect",
      ],
      [["worker", `${programs}/in-memory.ts`], { url: url() }, 2, "define it without a queue of its own"],
      [["worker", TASKS], {}, 2, "A task is on a queue in memory"],
      [["worker", TASKS], { url: "redis://127.0.0.1:1" }, 4, "Redis at redis://127.0.0.1:1"],
      [["worker", TASKS, "--health", String(port)], { url: url() }, 2, `The port ${port} for --health cannot be used`],
      [["worker", enumFile], { url: url() }, 2, "Node.js only removes types"],
      [["worker", TASKS, "--task", "eco"], { url: url() }, 2, "no task 'eco', only echo, refuses, until"],
      [["worker", TASKS, "--except", "eco"], { url: url() }, 2, "no task 'eco'"],
      [["worker", TASKS, "--task", "echo", "--except", "echo"], { url: url() }, 2, "leave no task to run"],
      ...compiledNames.map((file) => [["worker", file], { url: url() }, 2, `${enumFile} exists, but`] as const),
    ] as const;
    const endings = await Promise.all(cases.map(([args, init]) => cli(args, init)));
    taken.close();
    for (const [index, [args, , code, sentence]] of cases.entries()) {
      expect({ args, ...endings[index] }).toMatchObject({ args, code, stderr: expect.stringContaining(sentence) });
    }
  });
});
