import { userInfo } from "node:os";
import { type Command, Option } from "commander";
import type { JobResult } from "../../background/core/result.ts";
import type { JobStatus } from "../../background/core/status.ts";
import { counted } from "../../background/core/text.ts";
import type { JobQueue } from "../../background/engine/queue.ts";
import { jobId, jobIds, pastInstant, taskName, wholeFrom } from "../arguments.ts";
import { beyondRetention } from "../beyond-retention.ts";
import { confirmed } from "../confirm.ts";
import { EXIT, type ExitCode, UsageError } from "../exit-code.ts";
import { countOf, isBounded, type JobSelection, jobsOf } from "../jobs-of.ts";
import { type CommandContext, runOnQueue } from "../run.ts";
import { runAndReport } from "../run-and-report.ts";
import type { Terminal } from "../terminal.ts";
import { warnIfUnknown } from "../unknown-task.ts";

interface ByHandOptions extends JobSelection {
  readonly limit?: number;
  readonly yes?: boolean;
  readonly by?: string;
}

/** A change that the command makes to jobs: retry or cancel. */
interface ByHand {
  readonly name: "retry" | "cancel";
  /** The past participle, for messages and as a field of the JSON output. */
  readonly done: string;
  /** The statuses in which a job can be changed. */
  readonly statuses: readonly JobStatus[];
  act(queue: JobQueue, jobId: string, options: ByHandOptions): Promise<boolean>;
}

const RETRY: ByHand = {
  name: "retry",
  done: "retried",
  statuses: ["failed", "cancelled"],
  act: (queue, id) => queue.retry(id),
};

const CANCEL: ByHand = {
  name: "cancel",
  done: "cancelled",
  statuses: ["pending", "running"],
  act: (queue, id, { by }) => queue.cancel(id, { by: by ?? `${userInfo().username} (command line)` }),
};

/** How many jobs are changed concurrently, so that they share round trips. */
const TOGETHER = 100;

export function addRetry(program: Command, terminal: Terminal): void {
  add(program, terminal, RETRY)
    .summary("make failed or cancelled jobs pending again")
    .description(
      "Makes failed or cancelled jobs pending again with a new budget of retries: by id, or all that match a filter.",
    )
    .option("--finished-since <time>", "all jobs that failed or were cancelled then or later", pastInstant)
    .option("--finished-until <time>", "all jobs that failed or were cancelled before then", pastInstant)
    .addHelpText(
      "after",
      `
Examples:
  rapidai retry 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30
  rapidai retry --task send-email --finished-since 2026-12-24T03:00:00Z
  rapidai retry --status failed --limit 100 --yes`,
    );
}

export function addCancel(program: Command, terminal: Terminal): void {
  add(program, terminal, CANCEL)
    .summary("cancel pending or running jobs")
    .description("Cancels pending or running jobs: by id, or all that match a filter.")
    .option("--by <name>", "who cancels, stored with the job (default: your user name)")
    .addHelpText(
      "after",
      `
Examples:
  rapidai cancel 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30
  rapidai cancel --task import --status pending
  rapidai cancel --task import --yes --json | jq -r .jobId`,
    );
}

function add(program: Command, terminal: Terminal, what: ByHand): Command {
  return program
    .command(what.name)
    .argument("[ids...]", "the jobs' ids", jobIds)
    .addOption(new Option("-s, --status <status>", "all jobs in this state").choices(what.statuses))
    .option("-t, --task <name>", "all jobs of this task", taskName)
    .option("--since <time>", 'all jobs created then or later: a time, or how long ago, such as "2h"', pastInstant)
    .option("--until <time>", "all jobs created before then", pastInstant)
    .option("--before <id>", "of those, only jobs older than this one", jobId)
    .option("-n, --limit <count>", "of those, at most this many, newest first (default: all)", wholeFrom(1))
    .option("-y, --yes", "do not ask")
    .action((ids: readonly string[] | undefined, _options, command: Command) => {
      // The change has to be completed for all jobs, even if the reader of the output has ended.
      terminal.continueUnread();
      return runOnQueue<ByHandOptions>(
        terminal,
        command,
        (context) =>
          ids !== undefined && ids.length > 0 ? changeIds(context, what, ids) : changeFiltered(context, what),
        {
          prepare: (options) => {
            const hasIds = ids !== undefined && ids.length > 0;
            // On its own, `before` is a cursor and no filter.
            const filter = { ...options, before: undefined };
            const isFiltered = filter.status !== undefined || filter.task !== undefined || isBounded(filter);
            if (hasIds === isFiltered) {
              throw new UsageError(
                "Specify the jobs, either by id or by a filter such as --status, --task or --since.",
              );
            }
          },
        },
      );
    });
}

async function changeIds(
  { queue, terminal, options, interrupted }: CommandContext<ByHandOptions>,
  what: ByHand,
  ids: readonly string[],
): Promise<ExitCode> {
  let isAllChanged = true;
  for (const id of ids) {
    if (interrupted.aborted) break;
    const isChanged = await what.act(queue, id, options);
    if (!isChanged) isAllChanged = false;
    const status = isChanged ? undefined : ((await queue.getResult(id))?.status ?? null);
    if (options.json) terminal.json({ jobId: id, [what.done]: isChanged });
    else if (isChanged) terminal.say(`${id} ${what.done}`);
    else
      terminal.note(
        `rapidai: ${id} cannot be ${what.done}: ${status === null ? "the job was not found" : `it is ${status}`}.`,
      );
  }
  return isAllChanged ? EXIT.ok : EXIT.unchanged;
}

async function changeFiltered(context: CommandContext<ByHandOptions>, what: ByHand): Promise<ExitCode> {
  const { queue, terminal, options, interrupted } = context;
  const selections = what.statuses
    .filter((status) => options.status === undefined || options.status === status)
    .map((status): JobSelection => ({ ...options, status }));
  const counts = await Promise.all(selections.map((selection) => countOf(queue, selection)));
  const total = Math.min(
    counts.reduce((sum, count) => sum + count, 0),
    options.limit ?? Number.POSITIVE_INFINITY,
  );
  if (total > 0) {
    const { task, since, until, finishedSince, finishedUntil } = options;
    const which = [
      selections.map(({ status }) => status).join(" or "),
      task === undefined ? [] : `task ${task}`,
      since === undefined ? [] : `since ${since.toISOString()}`,
      until === undefined ? [] : `until ${until.toISOString()}`,
      finishedSince === undefined ? [] : `finished since ${finishedSince.toISOString()}`,
      finishedUntil === undefined ? [] : `finished until ${finishedUntil.toISOString()}`,
    ].flat();
    const bound = isBounded(options) ? "up to " : "";
    const [verb, note] = what.name === "retry" ? ["Retry", ""] : ["Cancel", beyondRetention(total)];
    const question = `${verb} ${bound}${counted(total, "job")} (${which.join(", ")})?${note}`;
    if (!(await confirmed(question, options, interrupted))) return EXIT.unchanged;
  }
  if (total === 0 && options.task !== undefined) await warnIfUnknown(options.task, queue, terminal, options);
  let changed = 0;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const changeOne = async ({ jobId }: JobResult) => {
    if (!(await what.act(queue, jobId, options))) return;
    changed++;
    left--;
    if (options.json) terminal.json({ jobId, [what.done]: true });
  };
  const changeAll = async () => {
    for (const selection of selections) {
      for await (const page of pagesOf(jobsOf(queue, selection, left), TOGETHER)) {
        if (interrupted.aborted) break;
        // Waits for all of them, so that changed jobs are counted even if others fail.
        const answers = await Promise.allSettled(page.map(changeOne));
        for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
        terminal.live(`${changed} of ${total} ${what.done}`);
      }
      if (left <= 0) break;
    }
  };
  await runAndReport(interrupted, changeAll, (end) => {
    terminal.live("");
    if (!options.json) terminal.say(`${changed} ${what.done}${end}`);
  });
  return changed > 0 ? EXIT.ok : EXIT.unchanged;
}

async function* pagesOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
