import type { Command } from "commander";
import type { JobDetails } from "../../background/core/result.ts";
import { jobId } from "../arguments.ts";
import { EXIT } from "../exit-code.ts";
import { follow } from "../follow.ts";
import { sayJob } from "../job-page.ts";
import { noSuchJob } from "../no-such-job.ts";
import { runOnQueue } from "../run.ts";
import type { Terminal } from "../terminal.ts";

interface ShowOptions {
  readonly full?: boolean;
  readonly follow?: boolean;
}

export function addShow(program: Command, terminal: Terminal): void {
  program
    .command("show")
    .argument("<id>", "the job's id", jobId)
    .summary("one job: timeline, errors, logs, payload, result")
    .description("Shows a job: its timeline with errors, its log lines, payload and result.")
    .option("--full", "do not shorten payloads, results, stacks and logs")
    .option("-f, --follow", "show its progress until it is done, then the job; exits with 1 unless it completed")
    .addHelpText(
      "after",
      `
Examples:
  rapidai show 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30
  rapidai show 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30 --follow
  rapidai show 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30 --json | jq .payload`,
    )
    .action((id: string, _options, command: Command) =>
      runOnQueue<ShowOptions>(terminal, command, async ({ queue, options, interrupted }) => {
        const isFollowed = options.follow === true;
        const isDone = isFollowed ? await follow(queue, id, terminal, options, interrupted) : false;
        if (interrupted.aborted) return EXIT.interrupted;
        const job = await queue.getDetails(id);
        if (job === null) throw noSuchJob(id);
        say(job, terminal, options);
        return isFollowed && isDone && job.status !== "completed" ? EXIT.failed : EXIT.ok;
      }),
    );
}

function say(
  job: JobDetails,
  terminal: Terminal,
  { json, full }: { json?: boolean | undefined; full?: boolean },
): void {
  if (json) terminal.json(job);
  else sayJob(job, terminal, full === true);
}
