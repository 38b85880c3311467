import type { Command } from "commander";
import { onEndSignal } from "../../app/end-signals.ts";
import type { Duration } from "../../background/core/duration.ts";
import { counted } from "../../background/core/text.ts";
import { adoptDefault, type Choice } from "../../background/default-queue.ts";
import type { JobQueue } from "../../background/engine/queue.ts";
import type { AnyTask } from "../../background/engine/task.ts";
import { InMemoryQueue } from "../../background/queues.ts";
import { duration, wholeFrom } from "../arguments.ts";
import { attendCrash } from "../crash.ts";
import { EXIT, type ExitCode, UsageError } from "../exit-code.ts";
import { serveHealth } from "../health-endpoint.ts";
import { choiceAt, queueAt, shownUrl } from "../queue-at.ts";
import { type CommonOptions, ending } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import { loadTasks } from "../task-modules.ts";
import type { Terminal } from "../terminal.ts";
import { WorkerLog } from "../worker-log.ts";

interface WorkerOptions extends CommonOptions {
  readonly concurrency?: number;
  readonly lease?: Duration;
  readonly grace?: Duration;
  readonly health?: number;
  readonly quiet?: boolean;
}

export function addWorker(program: Command, terminal: Terminal): void {
  program
    .command("worker")
    .argument("<files...>", "modules that make tasks with background(): JavaScript, or TypeScript that Node.js can run")
    .summary("run jobs of the tasks in these modules")
    .description(
      "Runs jobs. Tasks without a queue of their own get the one that --url names; those that have one stay with it. " +
        "SIGTERM or Ctrl-C claims nothing more, waits for running jobs, hands back what is left and ends with 0; a second one ends at once.",
    )
    .option("-c, --concurrency <count>", "jobs that run at a time (default: 10)", wholeFrom(1, 100_000))
    .option("--lease <duration>", "how long a job stays with a worker that no longer answers (default: 30s)", duration)
    .option("--grace <duration>", "how long running jobs may take to finish at the end (default: 10s)", duration)
    .option(
      "--health <port>",
      "answer GET on 127.0.0.1:PORT with 200, or 503 when no job can be claimed",
      wholeFrom(0, 65_535),
    )
    .option("-q, --quiet", "say nothing of jobs that go well")
    .addHelpText(
      "after",
      `
Examples:
  rapidai worker tasks.ts --url redis://localhost:6379
  rapidai worker dist/mail.js dist/reports.js --url sqlite:jobs.db --concurrency 4
  rapidai worker tasks.js --health 8081 --json`,
    )
    .action(async (files: readonly string[], _options, command: Command) => {
      const options = command.optsWithGlobals<WorkerOptions>();
      await ending(terminal, options, () => work(files, options, terminal));
      // What the modules have open besides is not what a worker waits for.
      process.exit(terminal.exitCode);
    });
}

/** Bytes of a log that nobody takes, and that wait all the same. */
const MOST_WAITING = 1_048_576;

async function work(files: readonly string[], options: WorkerOptions, terminal: Terminal): Promise<ExitCode> {
  // Jobs are not to end with whoever reads the log, or with the room on its disk.
  terminal.goOnUnread(MOST_WAITING);
  const log = new WorkerLog(terminal, options);
  const shared = await sharedQueue(options, log);
  let isStopping = false;
  const queues = new Set<JobQueue>();
  const closeAll = async (grace = options.grace) =>
    void (await Promise.all([...queues].map((queue) => queue.close({ grace }))));
  const attendance = attendCrash(log, () => closeAll(0));
  let health: Awaited<ReturnType<typeof serveHealth>> | undefined;
  try {
    if (shared !== undefined) {
      queues.add(shared.queue);
      await shared.queue.stop();
      await shared.queue.ready({ timeout: "10s" });
    }
    const tasks = await loadTasks(files, (file) =>
      log.say("loading", `${safeLine(file)} is not loaded yet, and no job begins before all modules are`, { file }),
    );
    for (const task of tasks) queues.add(task.queue);
    if (!tasks.some((task) => task.queue === shared?.queue)) leaveAlone(options, shared, log);
    if ([...queues].some((queue) => queue instanceof InMemoryQueue)) throw new UsageError(IN_MEMORY);
    const works = workOf(tasks);
    for (const queue of queues) if (queue !== shared?.queue) log.attend(queue);
    const ended = signalled();
    for (const queue of queues) await queue.start();
    const running = () => log.running;
    if (options.health !== undefined) {
      health = await serveHealth({
        port: options.health,
        queues: () => [...queues],
        running,
        isStopping: () => isStopping,
      });
      log.say("health", `Health: http://127.0.0.1:${health.port}`, { port: health.port });
    }
    const spoken = works.map(({ place, tasks: names }) => `on ${safeLine(place)} for ${names.join(", ")}`);
    log.say("ready", `Working ${spoken.join("; ")}`, { queues: works });
    await ended;
    isStopping = true;
    log.say("stopping", `Stopping: ${counted(running(), "job")} running; a second signal ends at once`, {
      running: running(),
    });
    await closeAll();
    await attendance.unlessCrashing();
    log.say("stopped", `Stopped${leftSaid(running())}`, { running: running() });
    return EXIT.ok;
  } catch (error) {
    await closeAll();
    await attendance.unlessCrashing();
    throw error;
  } finally {
    attendance.end();
    health?.close();
    terminal.live("");
  }
}

/** Of jobs that the backend was not there to take back. */
function leftSaid(left: number): string {
  if (left === 0) return "";
  const [they, their] = left === 1 ? ["it begins", "its lease has"] : ["they begin", "their leases have"];
  return `: what became of ${counted(left, "job")} could not be stored, so ${they} anew with another worker when ${their} run out`;
}

const IN_MEMORY =
  "A task is on a queue in memory, which ends with this worker and cannot be reached from another process: give --url redis://HOST or --url sqlite:PATH, or set RAPIDAI_QUEUE_URL.";

interface Shared {
  readonly queue: JobQueue;
  readonly choice: Choice;
}

/** The queue of tasks that have none of their own, if it was named. */
async function sharedQueue(options: WorkerOptions, log: WorkerLog): Promise<Shared | undefined> {
  // Without a url, all tasks may have queues of their own.
  if (!options.url && !process.env.RAPIDAI_QUEUE_URL) return undefined;
  const choice = choiceAt(options, process.env);
  const { concurrency, lease, grace, prefix } = options;
  const own = { concurrency, lease, grace };
  const queue = await queueAt(choice, prefix, { ...own, thread: true });
  log.attend(queue);
  return { queue: adoptDefault(queue, choice, { ...own, prefix }), choice };
}

/** Options that are of the queue which the command line makes: where no task is on it, whoever gave them is mistaken. */
const OF_SHARED = ["url", "prefix", "concurrency", "lease"] as const;

function leaveAlone(options: WorkerOptions, shared: Shared | undefined, log: WorkerLog): void {
  const unused = OF_SHARED.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  if (unused.length > 0) {
    throw new UsageError(
      `All tasks have queues of their own, which ${unused.join(", ")} would not change: leave it out, and say it where they are made.`,
    );
  }
  if (shared !== undefined)
    log.say("warning", `All tasks have queues of their own: nothing is taken from ${shownUrl(shared.choice)}.`);
}

/** What this process works on: by queue, the names of its tasks. Queues that only take jobs here are left to others. */
function workOf(tasks: readonly AnyTask[]): { readonly place: string; readonly tasks: readonly string[] }[] {
  const queues = new Set(tasks.map(({ queue }) => queue).filter(({ isWorker }) => isWorker));
  if (queues.size === 0) throw new UsageError(NO_WORKER);
  return [...queues].map((queue) => ({ place: queue.place, tasks: [...queue.taskNames].sort() }));
}

const NO_WORKER =
  "The queues of all tasks were made with worker: false, which is for processes that only enqueue: make them without it here, or give the tasks no queue and name one with --url.";

function signalled(): Promise<void> {
  return new Promise((resolve) => void onEndSignal(resolve));
}
