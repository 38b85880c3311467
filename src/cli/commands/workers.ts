import type { Command } from "commander";
import { JobError } from "../../background/core/errors.ts";
import type { WorkerPresence } from "../../background/core/store.ts";
import { EXIT } from "../exit-code.ts";
import { runOnQueue } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import { type Cell, type Layout, sayTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

export function addWorkers(program: Command, terminal: Terminal): void {
  program
    .command("workers")
    .summary("who runs jobs: live workers, their release, slots and tasks")
    .description(
      "Lists the live workers of all processes: id, release of rapidai, jobs that they can run at a time, and tasks, with the limit of those that have one of their own. A worker that was killed stays for up to a lease.",
    )
    .addHelpText(
      "after",
      `
Examples:
  rapidai workers
  rapidai workers --json | jq -r 'select(.tasks | index("send-email")) | .id'`,
    )
    .action((_options, command: Command) =>
      runOnQueue(terminal, command, async ({ queue, options }) => {
        const { workers, error } = await queue.health();
        if (error !== null) throw new JobError("queue_unavailable", error);
        if (options.json) for (const worker of workers) terminal.json(worker);
        else if (workers.length > 0)
          sayTable(terminal, ["WORKER", "RELEASE", "SLOTS", "TASKS"], workers.map(rowOf), LAYOUT);
        else if (terminal.isInteractive) terminal.say("No worker is alive.");
        return EXIT.ok;
      }),
    );
}

const LAYOUT: Layout = { names: 0, kept: 3, alignRight: new Set([2]), second: 3 };

function rowOf({ id, version, slots, tasks, concurrency }: WorkerPresence): Cell[] {
  const named = tasks.map((task) => (Object.hasOwn(concurrency, task) ? `${task} (${concurrency[task]})` : task));
  return [
    { text: safeLine(id) },
    { text: safeLine(version) },
    { text: String(slots) },
    { text: safeLine(named.join(", ")) },
  ];
}
