import { type Command, Option } from "commander";
import type { PruneOptions } from "../../background/engine/sweep.ts";
import { duration, wholeFrom } from "../arguments.ts";
import { confirmed } from "../confirm.ts";
import { EXIT, UsageError } from "../exit-code.ts";
import { runOnQueue } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import type { Terminal } from "../terminal.ts";

type PruneCommandOptions = PruneOptions & { readonly yes?: boolean };

export function addPrune(program: Command, terminal: Terminal): void {
  program
    .command("prune")
    .summary("remove finished jobs")
    .description(
      "Removes finished jobs beyond an age or a count. Unfinished ones, and those that somebody waits for, stay.",
    )
    .option("--age <duration>", "those that finished longer ago than this", duration)
    .option("--count <count>", "all but the newest so many of each kind", wholeFrom(0))
    .addOption(
      new Option("-s, --status <kind>", 'only one kind; "failed" means failed and cancelled').choices([
        "completed",
        "failed",
      ]),
    )
    .option("-n, --limit <count>", "at most so many (default: 100000)", wholeFrom(1))
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
        async ({ queue, options }) => {
          const { age, count, status, limit } = options;
          const bounds = [
            age === undefined ? [] : `older than ${age}`,
            count === undefined ? [] : `beyond the newest ${count}`,
          ].flat();
          const question = `Remove ${status ?? "finished"} jobs ${bounds.join(" or ")} from ${safeLine(queue.place)}?`;
          if (!(await confirmed(question, options))) return EXIT.unchanged;
          const removed = await queue.prune({ age, count, status, limit });
          if (options.json) terminal.json({ removed });
          else terminal.say(`${removed} removed`);
          return EXIT.ok;
        },
        {
          prepare: ({ age, count }) => {
            if (age === undefined && count === undefined)
              throw new UsageError("Say what may go: --age, --count, or both.");
          },
        },
      ),
    );
}
