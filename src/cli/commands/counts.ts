import type { Command } from "commander";
import { JOB_STATUSES } from "../../background/core/status.ts";
import type { StatusCounts } from "../../background/core/store.ts";
import { EXIT } from "../exit-code.ts";
import { styleOf } from "../job-status.ts";
import { runOnQueue } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import { type Cell, type Layout, sayTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

export function addCounts(program: Command, terminal: Terminal): void {
  program
    .command("counts")
    .summary("how many jobs there are, by task and status")
    .description("Counts jobs by task and status. The last row, named *, is the sum.")
    .addHelpText(
      "after",
      `
Examples:
  rapidai counts
  rapidai counts --json | jq .byStatus.failed`,
    )
    .action((_options, command: Command) =>
      runOnQueue(terminal, command, async ({ queue, options }) => {
        const counts = await queue.counts();
        if (options.json) terminal.json(counts);
        else {
          const tasks = Object.entries(counts.byTask).sort(([a], [b]) => (a < b ? -1 : 1));
          const rows = [...tasks, ["*", counts.byStatus] as const].map(([task, each]) => rowOf(task, each));
          sayTable(terminal, ["TASK", ...JOB_STATUSES.map((status) => status.toUpperCase())], rows, LAYOUT);
        }
        return EXIT.ok;
      }),
    );
}

const LAYOUT: Layout = { names: 0, kept: 6, alignRight: new Set([1, 2, 3, 4, 5]) };

function rowOf(task: string, counts: StatusCounts): Cell[] {
  const cells = JOB_STATUSES.map((status): Cell => {
    const count = counts[status];
    return { text: String(count), style: count === 0 ? "dim" : styleOf(status) };
  });
  return [{ text: safeLine(task) }, ...cells];
}
