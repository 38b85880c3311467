import type { Command } from "commander";
import { onEndSignal } from "../../app/end-signals.ts";
import type { Duration } from "../../background/core/duration.ts";
import { counted } from "../../background/core/text.ts";
import { type Choice, presetDefault } from "../../background/default-queue.ts";
import type { JobQueue } from "../../background/engine/queue.ts";
import type { AnyTask } from "../../background/engine/task.ts";
import { InMemoryQueue } from "../../background/queues.ts";
import { duration, taskName, wholeFrom } from "../arguments.ts";
import { watchForCrash } from "../crash.ts";
import { EXIT, type ExitCode, UsageError } from "../exit-code.ts";
import { serveHealth } from "../health-endpoint.ts";
import { choiceAt, queueAt, shownUrl } from "../queue-at.ts";
import { type CommonOptions, withExitCode } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import { chosenOf, type TaskChoice } from "../task-choice.ts";
import { loadTasks } from "../task-modules.ts";
import type { Terminal } from "../terminal.ts";
import { WorkerLog } from "../worker-log.ts";

interface WorkerOptions extends CommonOptions, TaskChoice {
  readonly concurrency?: number;
  readonly lease?: Duration;
  readonly grace?: Duration;
  readonly health?: number;
  readonly quiet?: boolean;
}

export function addWorker(program: Command, terminal: Terminal): void {
  program
    .command("worker")
    .argument(
      "<files...>",
      "modules that define tasks with background(): JavaScript, or TypeScript that Node.js can run",
    )
    .summary("run jobs of the tasks in these modules")
    .description(
      "Runs jobs. Tasks without a queue of their own use the one that --url names; the others keep theirs. " +
        "On SIGTERM or Ctrl-C it stops claiming, waits for running jobs, hands back unfinished ones and exits with 0; a second one ends it at once.",
    )
    .option("-t, --task <name>", "run only jobs of this task; can be repeated", added)
    .option("--except <name>", "run no jobs of this task; can be repeated", added)
    .option("-c, --concurrency <count>", "how many jobs run at a time (default: 10)", wholeFrom(1, 100_000))
    .option("--lease <duration>", "how long a job stays with a worker that stops responding (default: 30s)", duration)
    .option("--grace <duration>", "how long running jobs get to finish on shutdown (default: 10s)", duration)
    .option(
      "--health <port>",
      "answer GET on 127.0.0.1:PORT with 200, or 503 when no job can be claimed",
      wholeFrom(0, 65_535),
    )
    .option("-q, --quiet", "do not log jobs that start and complete")
    .addHelpText(
      "after",
      `
Examples:
  rapidai worker tasks.ts --url redis://localhost:6379
  rapidai worker dist/mail.js dist/reports.js --url sqlite:jobs.db --concurrency 4
  rapidai worker tasks.js --health 8081 --json
  rapidai worker tasks.js --except charge --except refund`,
    )
    .action(async (files: readonly string[], _options, command: Command) => {
      const options = command.optsWithGlobals<WorkerOptions>();
      await withExitCode(terminal, options, () => work(files, options, terminal));
      // Anything else that the modules keep open must not keep the process alive.
      process.exit(terminal.exitCode);
    });
}

/** Collects the tasks of an option that can be repeated. */
function added(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, taskName(name)];
}

/** How much of the log is buffered while its reader does not read, in bytes. */
const MAX_BUFFERED = 1_048_576;

async function work(files: readonly string[], options: WorkerOptions, terminal: Terminal): Promise<ExitCode> {
  // Jobs must not end because the log's reader has ended, or its disk is full.
  terminal.continueUnread(MAX_BUFFERED);
  const log = new WorkerLog(terminal, options);
  let isStopping = false;
  const queues = new Set<JobQueue>();
  const add = (queue: JobQueue) => {
    if (queues.has(queue)) return;
    queues.add(queue);
    log.watch(queue);
  };
  const closeAll = async (grace = options.grace) =>
    void (await Promise.all([...queues].map((queue) => queue.close({ grace }))));
  const crashWatch = watchForCrash(log, () => closeAll(0));
  let health: Awaited<ReturnType<typeof serveHealth>> | undefined;
  try {
    let isLoading = true;
    let byDefault: JobQueue | undefined;
    const choice = await presetQueue(options, (queue) => {
      byDefault = queue;
      add(queue);
      // No job starts before all modules are loaded.
      if (isLoading) void queue.stop();
    });
    const tasks = await loadTasks(files, (file) =>
      log.say("loading", `${safeLine(file)} is still loading, and no job starts until all modules are loaded`, {
        file,
      }),
    );
    for (const task of tasks) add(task.queue);
    isLoading = false;
    if (!tasks.some((task) => task.queue === byDefault)) reportUnused(options, choice, log);
    if ([...queues].some((queue) => queue instanceof InMemoryQueue)) throw new UsageError(IN_MEMORY);
    const loaded = workOf(tasks);
    const chosen = chosenOf(loaded.flatMap((work) => work.tasks).sort(), options);
    const works = loaded
      .map((work) => ({ ...work, tasks: work.tasks.filter((name) => chosen?.includes(name) ?? true) }))
      .filter((work) => work.tasks.length > 0);
    const ended = endSignal();
    for (const queue of queues) await queue.start({ tasks: chosen });
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
    await crashWatch.unlessCrashing();
    log.say("stopped", `Stopped${leftText(running())}`, { running: running() });
    return EXIT.ok;
  } catch (error) {
    await closeAll();
    await crashWatch.unlessCrashing();
    throw error;
  } finally {
    crashWatch.end();
    health?.close();
    terminal.live("");
  }
}

/** Says that jobs could neither be settled nor handed back, since the backend was unreachable. */
function leftText(left: number): string {
  if (left === 0) return "";
  const [they, their] =
    left === 1 ? ["another worker runs it", "its lease has"] : ["others run them", "their leases have"];
  return `: the outcome of ${counted(left, "job")} could not be stored, so ${they} again when ${their} expired`;
}

const IN_MEMORY =
  "A task is on a queue in memory, which ends with this worker and cannot be reached from another process: define it without a queue of its own, and use --url redis://HOST or --url sqlite:PATH, or set RAPIDAI_QUEUE_URL.";

/**
 * Decides where the default queue is, if a url was given, and resolves with that once its backend has been reached. The
 * modules make the queue, because some of its options may be theirs.
 */
async function presetQueue(options: WorkerOptions, onMade: (queue: JobQueue) => void): Promise<Choice | undefined> {
  // Without a url, all tasks may have queues of their own.
  if (!options.url && !process.env.RAPIDAI_QUEUE_URL) return undefined;
  const choice = choiceAt(options, process.env);
  const { concurrency, lease, grace, prefix, allowEviction } = options;
  const given = Object.entries({ concurrency, lease, grace, prefix, allowEviction });
  const settings = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const queue = await queueAt(choice, options, { concurrency, lease, grace, worker: false });
  try {
    await queue.ready({ timeout: "10s" });
  } finally {
    await queue.close({ grace: 0 });
  }
  presetDefault({ choice, settings, onMade });
  return choice;
}

/** Options of the default queue: giving them is a mistake if no task uses it. */
const DEFAULT_QUEUE_OPTIONS = ["url", "prefix", "concurrency", "lease"] as const;

/** Refuses options of the default queue, which no task uses; only warns if its url is from the environment. */
function reportUnused(options: WorkerOptions, choice: Choice | undefined, log: WorkerLog): void {
  const unused = DEFAULT_QUEUE_OPTIONS.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  if (unused.length > 0) {
    throw new UsageError(
      `All tasks have queues of their own, so ${unused.join(", ")} would have no effect: set this where those queues are created instead.`,
    );
  }
  if (choice !== undefined)
    log.say("warning", `All tasks have queues of their own: no jobs are taken from ${shownUrl(choice)}.`);
}

/** The queues that this process works on, and the names of their tasks; without queues that only enqueue here. */
function workOf(tasks: readonly AnyTask[]): { readonly place: string; readonly tasks: readonly string[] }[] {
  const queues = new Set(tasks.map(({ queue }) => queue).filter(({ isWorker }) => isWorker));
  if (queues.size === 0) throw new UsageError(NO_WORKER);
  return [...queues].map((queue) => ({ place: queue.place, tasks: [...queue.taskNames].sort() }));
}

const NO_WORKER =
  "The queues of all tasks were created with worker: false, which is for processes that only enqueue: create them without it here, or define the tasks without a queue and use --url.";

function endSignal(): Promise<void> {
  return new Promise((resolve) => void onEndSignal(() => resolve()));
}
