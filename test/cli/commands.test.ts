import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, type JobQueue, newJobId, PermanentError, SqliteQueue } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import { firstIdAt } from "../../src/background/core/id-time.ts";
import { VERSION } from "../../src/background/engine/version.ts";
import { newFolder } from "../background/stores/peers.ts";
import { cli, here, jsonLines } from "./command-line.ts";
import { onSharedQueues, type Place } from "./places.ts";

const HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\nfake line\u009b31m\u202eevil\u2028\ttab";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const RAW = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

interface Seed {
  readonly queue: JobQueue;
  readonly completed: string;
  readonly failed: string;
  readonly delayed: string;
}

/** A queue with a job of most states; whoever made them is gone. */
async function seeded(place: Place): Promise<Seed> {
  const worker = await place.open({ worker: true });
  const echo = background({ name: "echo", queue: worker }, async (value: unknown, job) => {
    job.log(`got ${JSON.stringify(value)}`);
    return value;
  });
  const refuses = background({ name: "refuses", queue: worker }, async (text: string, job) => {
    job.log(text);
    throw new PermanentError(text);
  });
  const completed = await echo.enqueue({ to: "ada" });
  const failed = await refuses.enqueue(HOSTILE);
  const delayed = await echo.enqueue("later", { delay: "1h" });
  // Not by wait(), which keeps a job from being pruned for a while.
  const isDone = async () =>
    (await Promise.all([echo.getResult(completed), refuses.getResult(failed)])).every((job) => job?.isDone);
  await expect.poll(isDone).toBe(true);
  await worker.close();
  return { queue: await place.open(), completed, failed, delayed };
}

onSharedQueues((placeOf) => {
  test("list shows the newest first, a job a line between tabs, filtered, and page by page", async (context) => {
    const place = placeOf(context);
    const { completed, failed, delayed } = await seeded(place);
    const list = (...args: string[]) => here(["list", ...place.args, ...args], place);
    const all = await list();
    expect({ ...all, stdout: "" }).toEqual({ code: 0, stdout: "", stderr: "" });
    const rows = all.stdout
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => line.split("\t"));
    expect(rows.map((row) => row.slice(0, 4))).toEqual([
      [delayed, "echo", "pending", "0/4"],
      [failed, "refuses", "failed", "1/4"],
      [completed, "echo", "completed", "1/4"],
    ]);
    expect(rows.every((row) => row.length === 6)).toBe(true);
    expect(all.stdout).not.toMatch(/(?!\t)[\p{Cc}](?<!\n)/u);
    const [filtered, second] = await Promise.all([
      list("--status", "pending", "--task", "echo", "--json"),
      list("--limit", "1", "--before", delayed, "--json"),
    ]);
    expect(jsonLines(filtered.stdout)).toMatchObject([{ jobId: delayed, status: "pending", task: "echo" }]);
    expect(jsonLines(second.stdout)).toMatchObject([{ jobId: failed, error: HOSTILE }]);
    expect(second.stdout).not.toMatch(RAW);
  });

  test("show tells a job's whole life, and what is hostile in it as text; explain says why it is there", async (context) => {
    const place = placeOf(context);
    const { completed, failed, delayed } = await seeded(place);
    const run = (...args: string[]) => here([...args, ...place.args], place);
    const [page, document, missing, why, whyJson] = await Promise.all([
      run("show", failed),
      run("show", completed, "--json"),
      run("show", newJobId()),
      run("explain", failed),
      run("explain", delayed, "--json"),
    ]);
    expect(page).toMatchObject({ code: 0, stderr: "" });
    for (const part of [
      "refuses",
      failed,
      "Timeline",
      "attempt 1 failed after",
      "Logs",
      "Payload",
      "\\u001b[2J",
      "\\u202e",
    ]) {
      expect(page.stdout).toContain(part);
    }
    expect(page.stdout).not.toMatch(RAW);
    expect(jsonLines(document.stdout)).toMatchObject([
      {
        jobId: completed,
        payload: { to: "ada" },
        result: { to: "ada" },
        logs: ['got {"to":"ada"}'],
        history: [{ attempt: 1 }],
      },
    ]);
    expect(missing).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringMatching(/^rapidai: Job \S+ was not found\. Its id dates from 20\d\d-\S+Z: /),
    });
    expect(why).toMatchObject({ code: 0, stderr: "" });
    expect(why.stdout).toContain("failed_permanently");
    expect(why.stdout).not.toMatch(RAW);
    expect(jsonLines(whyJson.stdout)[0]).toMatchObject({ jobId: delayed, status: "pending" });
  });

  test("workers lists who is alive, with what each can run, and nobody once they have stopped", async (context) => {
    const place = placeOf(context);
    const worker = await place.open({ worker: true });
    background({ name: "mail", queue: worker }, async () => {});
    background({ name: "embed", queue: worker, concurrency: 2 }, async () => {});
    const run = (...args: string[]) => here(["workers", ...place.args, ...args], place);
    await expect.poll(async () => (await worker.health()).workers.map(({ tasks }) => tasks.length)).toEqual([2]);
    const [text, json] = [await run(), await run("--json")];
    const [presence] = (await worker.health()).workers;
    expect(text).toEqual({
      code: 0,
      stdout: `${presence?.id}\t${VERSION}\t10\tmail, embed (2)\n`,
      stderr: "",
    });
    expect(jsonLines(json.stdout)).toEqual([presence]);
    await worker.close();
    expect(await run()).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("retry and cancel change one job, or all of a filter, and say by their code whether they did", async (context) => {
    const place = placeOf(context);
    const { queue, failed, completed } = await seeded(place);
    const run = (...args: string[]) => here([...args, ...place.args], place);
    expect(await run("retry", failed)).toEqual({ code: 0, stdout: `${failed} retried\n`, stderr: "" });
    expect(await queue.getResult(failed)).toMatchObject({ status: "pending", attempts: 1 });
    const again = await run("retry", failed, completed);
    expect(again).toMatchObject({ code: 3, stdout: "" });
    expect(again.stderr).toContain(`${failed} cannot be retried: it is pending`);
    expect(again.stderr).toContain(`${completed} cannot be retried: it is completed`);
    const refused = await run("cancel", "--task", "echo");
    expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("add --yes") });
    await queue.enqueueMany("echo", Array.from({ length: 120 }), { delay: "1h" });
    const cancelled = await run("cancel", "--task", "echo", "--yes", "--by", "ops", "--limit", "110");
    expect(cancelled).toEqual({ code: 0, stdout: "110 cancelled\n", stderr: "" });
    const json = await run("cancel", "--task", "echo", "--yes", "--json");
    expect(jsonLines(json.stdout)).toHaveLength(11);
    expect((await queue.counts()).byTask.echo).toMatchObject({ pending: 0, cancelled: 121 });
    const [newest] = await queue.listJobs({ task: "echo", limit: 1 });
    expect(await queue.getDetails(newest?.jobId ?? "")).toMatchObject({ cancelledBy: "ops" });
    expect(await run("cancel", "--task", "echo", "--yes")).toMatchObject({ code: 3, stdout: "0 cancelled\n" });
    const counts = await run("counts");
    expect(counts.stdout).toBe("echo\t0\t0\t1\t0\t121\nrefuses\t1\t0\t0\t0\t0\n*\t1\t0\t1\t0\t121\n");
  });

  test("list gives no limit of attempts for a job that retries by hand have given more, and show gives the new one", async (context) => {
    const place = placeOf(context);
    const queue = await place.open({ worker: true });
    const refuses = background({ name: "refuses", maxRetries: 0, queue }, async () => {
      throw new Error("refused");
    });
    const jobId = await refuses.enqueue();
    await expect(refuses.wait(jobId)).resolves.toMatchObject({ status: "failed", attempts: 1 });
    expect((await here(["list", ...place.args], place)).stdout).toContain("\tfailed\t1/1\t");
    await queue.retry(jobId);
    await expect(refuses.wait(jobId)).resolves.toMatchObject({ status: "failed", attempts: 2 });
    expect((await here(["list", ...place.args], place)).stdout).toContain("\tfailed\t2\t");
    expect((await here(["show", jobId, ...place.args], place)).stdout).toMatch(/Attempts +2 of 2\n/);
  });

  test("list, retry and cancel take the jobs of a time, as an instant or as how long ago it was", async (context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const hour = 3_600_000;
    const now = Date.now();
    const at = (instant: number) => queue.enqueue("echo", null, { id: firstIdAt(instant), delay: "1h" });
    const [old, middle, young] = await Promise.all([at(now - 5 * hour), at(now - 3 * hour), at(now - hour)]);
    const listed = async (...args: string[]) => {
      const { code, stdout } = await here(["list", "--json", ...args, ...place.args], place);
      return { code, ids: jsonLines(stdout).map((job) => job.jobId) };
    };
    const [since, until, both, atOnce, first] = await Promise.all([
      listed("--since", "4h"),
      listed("--until", new Date(now - 3 * hour).toISOString()),
      listed("--since", "4h", "--until", "2h", "--limit", "1"),
      listed("--since", new Date(now - 3 * hour).toISOString()),
      listed("--since", "1d", "--before", middle, "--until", "1ms"),
    ]);
    expect(since).toEqual({ code: 0, ids: [young, middle] });
    expect(until.ids).toEqual([old]);
    expect(both.ids).toEqual([middle]);
    expect(atOnce.ids).toEqual([young, middle]);
    expect(first.ids).toEqual([old]);

    const run = (...args: string[]) => here([...args, "--yes", ...place.args], place);
    expect(await run("cancel", "--since", "4h", "--until", "2h")).toMatchObject({ code: 0, stdout: "1 cancelled\n" });
    expect((await queue.counts()).byStatus).toMatchObject({ pending: 2, cancelled: 1 });
    expect(await run("retry", "--task", "echo", "--until", "4h")).toMatchObject({ code: 3, stdout: "0 retried\n" });
    expect(await run("retry", "--since", "4h")).toMatchObject({ code: 0, stdout: "1 retried\n" });
  });

  test("list and retry take the jobs that ended in a time, whenever they were created", async (context) => {
    const place = placeOf(context);
    const queue = await place.open();
    const ids: string[] = [];
    for (const hours of [1, 2, 3, 4]) {
      const id = firstIdAt(Date.now() - hours * 3_600_000);
      ids.push(await queue.enqueue("echo", hours, { id, delay: "1h" }));
    }
    const [first = "", second = "", third = "", waiting = ""] = ids;
    /** Ends it, and says when, after a moment in which nothing else ended. */
    const end = async (id: string): Promise<string> => {
      await queue.cancel(id);
      const at = (await queue.getResult(id))?.completedAt as Date;
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(at.getTime()));
      return at.toISOString();
    };
    await end(first);
    const from = await end(second);
    const to = await end(third);
    const listed = async (...args: string[]) => {
      const { stdout } = await here(["list", "--json", ...args, ...place.args], place);
      return jsonLines(stdout).map(({ jobId }) => jobId);
    };
    expect(await listed("--finished-since", from)).toEqual([second, third]);
    expect(await listed("--finished-since", from, "--finished-until", to)).toEqual([second]);
    expect(await listed("--finished-since", from, "--limit", "1")).toEqual([second]);
    expect(await listed("--finished-until", to, "--since", "90m")).toEqual([first]);
    expect(await listed("--finished-since", "1d")).not.toContain(waiting);
    const retried = await here(["retry", "--finished-since", from, "--yes", ...place.args], place);
    expect(retried).toMatchObject({ code: 0, stdout: "2 retried\n" });
    expect((await queue.counts()).byStatus).toMatchObject({ cancelled: 1, pending: 3 });
  });

  test("enqueue stores a job from an argument or from standard input; prune removes finished ones", async (context) => {
    const place = placeOf(context);
    const { queue, completed, failed } = await seeded(place);
    const run = (...args: string[]) => here([...args, ...place.args], place);
    const id = newJobId();
    const [first, second, third] = await Promise.all([
      run("enqueue", "mail", '{"to":["ada"]}', "--id", id, "--delay", "10m", "--max-retries", "0"),
      cli(["enqueue", "mail", "-", "--json", "--run-at", "2100-01-01T00:00:00Z", ...place.args], {
        ...place,
        input: '"from a pipe"',
      }),
      run("enqueue", "mail", "{to: ada}"),
    ]);
    expect(first).toEqual({ code: 0, stdout: `${id}\n`, stderr: "" });
    const details = await queue.getDetails(id);
    expect(details).toMatchObject({ status: "pending", payload: { to: ["ada"] }, maxRetries: 0 });
    expect((details?.runAt.getTime() ?? 0) - Date.now()).toBeGreaterThan(500_000);
    expect(second).toMatchObject({ code: 0, stderr: "" });
    const [{ jobId }] = jsonLines(second.stdout) as [{ jobId: string }];
    expect(await queue.getDetails(jobId)).toMatchObject({ payload: "from a pipe", runAt: new Date("2100-01-01") });
    expect(third).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("The payload is not valid JSON"),
    });
    expect(await run("prune", "--count", "0")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^rapidai: Remove finished jobs beyond the newest 0 from (sqlite|redis):\S.*\? .*add --yes/,
      ),
    });
    expect(await run("prune", "--count", "0", "--status", "completed", "--yes")).toMatchObject({
      code: 0,
      stdout: "1 removed\n",
    });
    expect([await queue.getResult(completed), (await queue.getResult(failed))?.status]).toEqual([null, "failed"]);
    const rest = await run("prune", "--age", "0", "--yes", "--json");
    expect(jsonLines(rest.stdout)).toEqual([{ removed: 1 }]);
  });

  test("commands that find nothing say so if no job of the task is stored, as of a name that is misspelt", async (context) => {
    const place = placeOf(context);
    const { queue } = await seeded(place);
    await queue.enqueue("charge");
    const tasks = Object.keys((await queue.counts()).byTask).sort();
    const run = (...args: string[]) => here([...args, ...place.args], place);
    const stderr = `rapidai: No job of the task 'chrage' is stored, only of ${tasks.join(", ")}.\n`;
    expect(await run("list", "--task", "chrage")).toEqual({ code: 0, stdout: "", stderr });
    expect(await run("retry", "--task", "chrage", "--yes")).toEqual({ code: 3, stdout: "0 retried\n", stderr });
    // Which every object has.
    const inherited = await run("retry", "--task", "constructor", "--yes");
    expect(inherited).toMatchObject({ code: 3, stderr: expect.stringContaining("'constructor'") });
    const json = await run("cancel", "--task", "chrage", "--yes", "--json");
    expect(jsonLines(json.stderr)).toMatchObject([{ warning: { code: "unknown_task" } }]);
    expect(await run("list", "--task", "charge", "--status", "failed")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await run("retry", "--task", "charge", "--yes")).toMatchObject({ code: 3, stderr: "" });
  });

  test("enqueue warns of a task that no live worker has, as of a name that is misspelt", async (context) => {
    const place = placeOf(context);
    const worker = await place.open({ worker: true });
    background({ name: "echo", queue: worker }, async (value: unknown) => value);
    await expect.poll(async () => (await worker.health()).workers[0]?.tasks, { timeout: 20_000 }).toEqual(["echo"]);
    const run = (...args: string[]) => here(["enqueue", ...args, ...place.args], place);
    const [right, wrong, json] = [await run("echo"), await run("ehco"), await run("ehco", "1", "--json")];
    expect(right).toMatchObject({ code: 0, stderr: "" });
    expect(wrong).toMatchObject({
      code: 0,
      stderr: "rapidai: No live worker has the task 'ehco'. The workers have echo.\n",
    });
    expect(jsonLines(json.stderr)).toMatchObject([{ warning: { code: "no_worker_for_task" } }]);
  });

  test("enqueue names some of many tasks of the workers, and how many there are besides", async (context) => {
    const place = placeOf(context);
    const worker = await place.open({ worker: true });
    for (let n = 0; n < 30; n++) background({ name: `task-${n}`, queue: worker }, async () => n);
    await expect.poll(async () => (await worker.health()).workers[0]?.tasks.length, { timeout: 20_000 }).toBe(30);
    const { stderr } = await here(["enqueue", "tsak-1", ...place.args], place);
    expect(stderr).toMatch(/The workers have task-0, (task-\d+, ){18}task-\d+ and 10 more\.$/m);
  });

  test("doctor says how many workers live, with how many slots, for how many tasks", async (context) => {
    const place = placeOf(context);
    const worker = await place.open({ worker: true });
    background({ name: "echo", queue: worker }, async (value: unknown) => value);
    await expect.poll(async () => (await worker.health()).workers[0]?.tasks, { timeout: 20_000 }).toEqual(["echo"]);
    const { stdout } = await here(["doctor", ...place.args], place);
    expect(stdout).toMatch(/^ok {4}workers {3}1 alive with 10 slots, for 1 task$/m);
  });

  test("doctor checks the backend, workers and jobs, one line each, and warns of what keeps jobs waiting", async (context) => {
    const place = placeOf(context);
    const { queue } = await seeded(place);
    await queue.enqueue("orphan", 1);
    const run = (...args: string[]) => here(["doctor", ...args, ...place.args], place);
    const [text, json, strict] = await Promise.all([run(), run("--json"), run("--strict")]);
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/^ok {4}node {6}Node\.js \d/m);
    expect(text.stdout).toContain(place.args.length > 0 ? `, prefix ${place.args[1]}, answers in` : ".db answers in");
    expect(text.stdout).toMatch(/^warn {2}workers {3}No worker is alive, and 2 jobs are waiting for one\.$/m);
    expect(text.stdout).toMatch(/^warn {2}failures {2}1 job failed within the last hour/m);
    expect(text.stdout).not.toMatch(RAW);
    const [document] = jsonLines(json.stdout) as [{ isOk: boolean; checks: { name: string; status: string }[] }];
    expect(document.isOk).toBe(true);
    expect(document.checks.filter(({ status }) => status !== "ok").map(({ name }) => name)).toEqual([
      "workers",
      "failures",
    ]);
    expect(strict.code).toBe(1);
  });
});

describe("a backend that cannot be used", () => {
  test.each(["redis://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/main"])(
    "ends every command with 4 and a sentence, and doctor says which check failed: %s",
    async (url) => {
      const [list, json, doctor] = await Promise.all([
        here(["list"], { url }),
        here(["counts", "--json"], { url }),
        here(["doctor", "--json"], { url }),
      ]);
      expect(list).toMatchObject({
        code: 4,
        stdout: "",
        stderr: expect.stringMatching(/^rapidai: Redis at .*(cannot be reached|is silent)/),
      });
      expect(json).toMatchObject({ code: 4, stdout: "" });
      expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: "queue_unavailable" } });
      expect(doctor.code).toBe(4);
      const [{ isOk, checks }] = jsonLines(doctor.stdout) as [{ isOk: boolean; checks: unknown[] }];
      expect({ isOk, last: checks.at(-1) }).toMatchObject({ isOk: false, last: { name: "backend", status: "fail" } });
    },
  );

  test("that fails midway lets retry and prune say how many they had done, before they say why", async () => {
    const path = join(newFolder(), "failing.db");
    await using queue = new SqliteQueue({ path, worker: false, thread: false, durability: "normal" });
    const ids = await queue.enqueueMany("echo", Array.from({ length: 2_250 }), { delay: "1h" });
    await Promise.all(ids.map((id) => queue.cancel(id)));
    const failingAt = (left: number, change: string) => {
      const db = new DatabaseSync(path);
      db.exec(`DROP TRIGGER IF EXISTS failing;
        CREATE TRIGGER failing BEFORE ${change} ON rapidai_jobs WHEN (SELECT sum(status = 4) FROM rapidai_jobs) <= ${left}
        BEGIN SELECT RAISE(ABORT, 'no more today'); END`);
      db.close();
    };
    const run = (...args: string[]) => here([...args, "--yes"], { url: `sqlite:${path}` });
    const stderr = expect.stringMatching(/^rapidai: .*no more today/);
    const cancelled = async () => (await queue.counts()).byStatus.cancelled;

    failingAt(2_100, "UPDATE");
    const retried = await run("retry", "--task", "echo");
    const left = await cancelled();
    expect(left).toBeGreaterThanOrEqual(2_100);
    expect(left).toBeLessThan(2_250);
    expect(retried).toEqual({ code: 4, stdout: `${2_250 - left} retried, then cut off\n`, stderr });

    failingAt(100, "DELETE");
    expect(await run("prune", "--age", "0")).toEqual({
      code: 4,
      stdout: `${left - (await cancelled())} removed, then cut off\n`,
      stderr,
    });
    const json = await run("prune", "--age", "0", "--json");
    expect(json).toMatchObject({ code: 4, stdout: '{"removed":0}\n' });
    expect(await cancelled()).toBeLessThan(left);
  });

  test("list shows an id that a stranger wrote into a file as text", async () => {
    const path = join(newFolder(), "strange.db");
    const queue = new SqliteQueue({ path, worker: false });
    await queue.enqueue("echo", 1);
    await queue.close();
    const db = new DatabaseSync(path);
    db.prepare("UPDATE rapidai_jobs SET id = ?").run(HOSTILE);
    db.prepare("UPDATE rapidai_due SET id = ?").run(HOSTILE);
    db.close();
    const { stdout } = await here(["list"], { url: `sqlite:${path}` });
    expect(stdout).toContain("\\u001b[2J");
    expect(stdout.replaceAll("\t", "")).not.toMatch(RAW);
  });

  test("a file that is not there is not made by looking at it", async () => {
    const url = "sqlite:/nowhere/jobs.db";
    const [list, doctor] = await Promise.all([here(["list"], { url }), here(["doctor"], { url })]);
    expect(list).toMatchObject({ code: 4, stderr: expect.stringContaining("The file /nowhere/jobs.db was not found") });
    expect(doctor).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(/^fail {2}backend {3}The file \/nowhere\/jobs\.db was not found/m),
    });
  });

  test("a url without a path is refused, as with a variable that is not set", async () => {
    const counts = await here(["counts"], { url: "sqlite:" });
    expect(counts).toMatchObject({ code: 2, stderr: expect.stringContaining('the path of a file, not ""') });
  });

  test("a file that is gone is not said never to have been there while its log is left", async () => {
    const path = join(newFolder(), "jobs.db");
    writeFileSync(`${path}-wal`, "left");
    const list = await here(["list"], { url: `sqlite:${path}` });
    expect(list).toMatchObject({ code: 4, stderr: expect.stringContaining("jobs.db is gone, but its log") });
  });

  test("a database of another program is not made a queue by looking at it", async () => {
    const path = join(newFolder(), "other.db");
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE customers (name TEXT)");
    db.close();
    const before = readFileSync(path);
    const url = `sqlite:${path}`;
    const [list, doctor] = await Promise.all([here(["list"], { url }), here(["doctor"], { url })]);
    expect(list).toMatchObject({ code: 4, stderr: expect.stringContaining(`The file ${path} contains no queue`) });
    expect(doctor).toMatchObject({ code: 4, stdout: expect.stringContaining(`The file ${path} contains no queue`) });
    expect(readFileSync(path)).toEqual(before);
    expect(await here(["enqueue", "echo", "1"], { url })).toMatchObject({ code: 0 });
    expect(await here(["counts"], { url })).toMatchObject({ code: 0 });
  });
});
