import type { Command } from "commander";
import type { Duration } from "../../background/core/duration.ts";
import type { JobResult } from "../../background/core/result.ts";
import { listed } from "../../background/core/text.ts";
import type { JobQueue } from "../../background/engine/queue.ts";
import { duration, instant, jobId, taskName, wholeFrom } from "../arguments.ts";
import { EXIT, UsageError } from "../exit-code.ts";
import { follow } from "../follow.ts";
import { noSuchJob } from "../no-such-job.ts";
import { runOnQueue } from "../run.ts";
import { safeJson, safeLine } from "../safe-text.ts";
import { readInput } from "../standard-input.ts";
import type { Terminal } from "../terminal.ts";
import { warn } from "../warn.ts";

interface EnqueueCommandOptions {
  readonly delay?: Duration;
  readonly runAt?: Date;
  readonly id?: string;
  readonly maxRetries?: number;
  readonly wait?: boolean;
  readonly timeout?: Duration;
}

export function addEnqueue(program: Command, terminal: Terminal): void {
  program
    .command("enqueue")
    .argument("<task>", "the task's name", taskName)
    .argument("[json]", 'the payload as JSON; "-" reads it from standard input (default: no payload)')
    .summary("store a job for a worker that has the task")
    .description("Stores a job and prints its id. The payload is checked by the worker that runs it.")
    .option("--delay <duration>", 'start no earlier than after this, such as "10m"', duration)
    .option("--run-at <time>", "start no earlier than at this time", instant)
    .option("--max-retries <count>", "attempts after the first (default: 3)", wholeFrom(0, 1_000_000))
    .option("--id <id>", "the job's id, so that the call can be repeated", jobId)
    .option(
      "-w, --wait",
      "wait until it is done, and print its result, or with --json the job; exits with 1 unless it completed",
    )
    .option(
      "--timeout <duration>",
      "with --wait, wait at most this long; then exits with 124, and the job continues",
      duration,
    )
    .addHelpText(
      "after",
      `
Examples:
  rapidai enqueue send-email '{"to":"ada@example.com"}'
  rapidai enqueue resize '"cat.png"' --wait --timeout 30s
  jq -c . order.json | rapidai enqueue ship-order - --delay 10m`,
    )
    .action((task: string, json: string | undefined, _options, command: Command) => {
      let payload: unknown;
      return runOnQueue<EnqueueCommandOptions>(
        terminal,
        command,
        async ({ queue, options, interrupted }) => {
          const { delay, runAt, id, maxRetries, wait } = options;
          const jobId = await queue.enqueue(task, payload, { delay, runAt, id, maxRetries });
          if (!wait) {
            if (options.json) terminal.json({ jobId });
            else terminal.say(jobId);
            await warnOfUnknownTask(queue, task, terminal, options);
            return EXIT.ok;
          }
          await follow(queue, jobId, terminal, { ...options, isForResult: true }, interrupted);
          if (interrupted.aborted) {
            const message = `Job ${jobId} continues: rapidai show ${jobId} --follow waits for it.`;
            warn(terminal, { code: "wait_aborted", message }, options);
            return EXIT.interrupted;
          }
          const job = await queue.getResult(jobId);
          if (job === null) throw noSuchJob(jobId);
          if (options.json) terminal.json(job);
          else terminal.say(endOf(job));
          return job.status === "completed" ? EXIT.ok : EXIT.failed;
        },
        {
          mayCreate: true,
          prepare: async ({ wait, timeout }) => {
            if (timeout !== undefined && !wait) throw new UsageError("--timeout needs --wait.");
            payload = payloadOf(json === "-" ? await readInput(process.stdin) : json);
          },
        },
      );
    });
}

/** The result, or how else the job ended. */
function endOf(job: JobResult): string {
  if (job.status === "completed") return safeJson(job.result);
  return job.error === null ? job.status : `${job.status}: ${safeLine(job.error)}`;
}

/** Most tasks of workers that a warning names. */
const MAX_NAMED = 20;

/** A job with a misspelt name would wait for ever. Without live workers nothing can be said: one may start later. */
async function warnOfUnknownTask(
  queue: JobQueue,
  task: string,
  terminal: Terminal,
  options: { readonly json?: boolean | undefined },
): Promise<void> {
  const { workers } = await queue.health();
  const known = new Set(workers.flatMap(({ tasks }) => tasks));
  if (workers.length === 0 || known.has(task)) return;
  const message = `No live worker has the task '${task}'. The workers have ${listed([...known].sort(), MAX_NAMED)}.`;
  warn(terminal, { code: "no_worker_for_task", message }, options);
}

function payloadOf(json: string | undefined): unknown {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`The payload is not valid JSON: ${(error as Error).message}`);
  }
}
