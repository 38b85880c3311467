import { type Command, Option } from "commander";
import { DEFAULT_LIMIT, PAGE, type PruneOptions } from "../../background/engine/sweep.ts";
import { duration, wholeFrom } from "../arguments.ts";
import { confirmed } from "../confirm.ts";
import { EXIT, UsageError } from "../exit-code.ts";
import { runOnQueue } from "../run.ts";
import { runAndReport } from "../run-and-report.ts";
import { safeLine } from "../safe-text.ts";
import type { Terminal } from "../terminal.ts";

type PruneCommandOptions = PruneOptions & { readonly yes?: boolean };

export function addPrune(program: Command, terminal: Terminal): void {
  program
    .command("prune")
    .summary("remove finished jobs")
    .description(
      "Removes finished jobs beyond an age or a count. Unfinished jobs, and those that a process waits for, are kept.",
    )
    .option("--age <duration>", "those that finished longer ago than this", duration)
    .option("--count <count>", "all but this many, the newest of each kind", wholeFrom(0))
    .addOption(
      new Option("-s, --status <kind>", 'only one kind; "failed" means failed and cancelled').choices([
        "completed",
        "failed",
      ]),
    )
    .option("-n, --limit <count>", `at most this many (default: ${DEFAULT_LIMIT})`, wholeFrom(1))
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `
Examples:
  rapidai prune --age 7d
  rapidai prune --count 1000 --status completed --yes`,
    )
    .action((_options, command: Command) =>
      runOnQueue<PruneCommandOptions>(
        terminal,
        command,
        async ({ queue, options, interrupted }) => {
          const { age, count, status, limit = DEFAULT_LIMIT } = options;
          const bounds = [
            age === undefined ? [] : `older than ${age}`,
            count === undefined ? [] : `beyond the newest ${count}`,
          ].flat();
          const question = `Remove ${status ?? "finished"} jobs ${bounds.join(" or ")} from ${safeLine(queue.place)}?`;
          if (!(await confirmed(question, options, interrupted))) return EXIT.unchanged;
          let removed = 0;
          const removeAll = async () => {
            // One page per call, so that the number removed is known if a call fails.
            for (let page = PAGE; page === PAGE && removed < limit && !interrupted.aborted; removed += page)
              page = await queue.prune({ age, count, status, limit: Math.min(PAGE, limit - removed) });
          };
          await runAndReport(interrupted, removeAll, (end) => {
            if (options.json) terminal.json({ removed });
            else terminal.say(`${removed} removed${end}`);
          });
          return EXIT.ok;
        },
        {
          prepare: ({ age, count }) => {
            if (age === undefined && count === undefined)
              throw new UsageError("Specify which jobs to remove: --age, --count, or both.");
          },
        },
      ),
    );
}
