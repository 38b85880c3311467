import { listed } from "../background/core/text.ts";
import { countsIn } from "../background/engine/counts.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warn.ts";

/** Most tasks that the warning names. */
const MAX_NAMED = 5;

/** Warns if no job of a task is stored: where its name is misspelt, finding nothing would look like good news. */
export async function warnIfUnknown(
  task: string,
  queue: JobQueue,
  terminal: Terminal,
  options: { readonly json?: boolean | undefined },
): Promise<void> {
  const counts = await queue.counts();
  if (countsIn(counts, task) !== undefined) return;
  const known = Object.keys(counts.byTask).sort();
  const others = known.length === 0 ? "nor of any other" : `only of ${listed(known, MAX_NAMED)}`;
  const message = `No job of the task '${task}' is stored, ${others}.`;
  warn(terminal, { code: "unknown_task", message }, options);
}
