import { type Command, Option } from "commander";
import { percentOf } from "../../background/core/percent.ts";
import type { JobResult } from "../../background/core/result.ts";
import { JOB_STATUSES } from "../../background/core/status.ts";
import { jobId, pastInstant, taskName, wholeFrom } from "../arguments.ts";
import { EXIT } from "../exit-code.ts";
import { formatRelative } from "../format-time.ts";
import { attemptsText, statusCell } from "../job-status.ts";
import { countOf, isBounded, type JobSelection, jobsOf } from "../jobs-of.ts";
import { runOnQueue } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import { type Cell, type Layout, sayTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { warnIfUnknown } from "../unknown-task.ts";
import { warn } from "../warn.ts";

interface ListOptions extends JobSelection {
  readonly limit: number;
}

const HEADING = ["JOB", "TASK", "STATUS", "ATTEMPTS", "CREATED", "NOTE"];
/** However long the names of tasks are, the status is visible; however narrow the terminal is, so is the error. */
const LAYOUT: Layout = { names: 1, kept: 3, second: 4 };
/** How many rows are aligned together, so that a table of any length is printed while it is read. */
const ROWS = 1_000;

export function addList(program: Command, terminal: Terminal): void {
  program
    .command("list")
    .alias("ls")
    .summary("jobs, newest first")
    .description(
      "Lists jobs, newest first. If the output is not a terminal, prints one job per line, with fields separated by tabs.",
    )
    .addOption(new Option("-s, --status <status>", "only jobs in this state").choices(JOB_STATUSES))
    .option("-t, --task <name>", "only jobs of this task", taskName)
    .option("--since <time>", 'only jobs created then or later: a time, or how long ago, such as "2h"', pastInstant)
    .option("--until <time>", "only jobs created before then", pastInstant)
    .option("--finished-since <time>", "only jobs that completed, failed or were cancelled then or later", pastInstant)
    .option("--finished-until <time>", "only jobs that completed, failed or were cancelled before then", pastInstant)
    .option("-n, --limit <count>", "at most this many", wholeFrom(1, 1_000_000), 50)
    .option("--before <id>", "only jobs older than this one: the last of the previous page", jobId)
    .addHelpText(
      "after",
      `
Examples:
  rapidai list --status failed --finished-since 2h
  rapidai list --task send-email --json | jq -r .error
  rapidai list | head -1`,
    )
    .action((_options, command: Command) =>
      runOnQueue<ListOptions>(terminal, command, async ({ queue, options, interrupted }) => {
        let rows: Cell[][] = [];
        let last: JobResult | undefined;
        let count = 0;
        let isMore = false;
        const flush = () => {
          if (rows.length > 0) sayTable(terminal, HEADING, rows, LAYOUT);
          rows = [];
        };
        for await (const job of jobsOf(queue, options, options.limit + 1)) {
          isMore = count === options.limit;
          if (interrupted.aborted || isMore) break;
          last = job;
          count++;
          if (options.json) terminal.json(job);
          else if (rows.push(rowOf(job, terminal.isInteractive)) === ROWS) flush();
          await terminal.drained(interrupted);
        }
        flush();
        if (last === undefined && options.task !== undefined)
          await warnIfUnknown(options.task, queue, terminal, options);
        if (terminal.isInteractive && !options.json) {
          if (last === undefined) terminal.say("No jobs.");
          else if (isMore) terminal.say(terminal.paint("dim", `More: --before ${safeLine(last.jobId)}`));
        } else if (isMore && command.getOptionValueSource("limit") === "default") {
          const total = isBounded(options) ? "" : ` of ${await countOf(queue, options)}`;
          warn(
            terminal,
            { code: "more_jobs", message: `These are the newest ${count}${total} jobs: use --limit for more.` },
            options,
          );
        }
        return EXIT.ok;
      }),
    );
}

function rowOf(job: JobResult, isForPerson: boolean): Cell[] {
  const created = isForPerson ? formatRelative(job.createdAt, Date.now()) : job.createdAt.toISOString();
  return [
    { text: safeLine(job.jobId) },
    { text: safeLine(job.task) },
    statusCell(job.status),
    { text: attemptsText(job) },
    { text: created },
    { text: safeLine(noteOf(job)), style: job.error === null ? "dim" : "red" },
  ];
}

/** The most important thing about a job besides its status: its error, or its progress. */
function noteOf(job: JobResult): string {
  const { progress, error } = job;
  if (error !== null) return error;
  if (job.status !== "running" || progress === null) return "";
  const percent = progress.fraction === null ? "" : percentOf(progress.fraction);
  return [percent, progress.message ?? ""].filter((part) => part !== "").join(" ");
}
