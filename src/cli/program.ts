import { Command } from "commander";
import { VERSION } from "../background/engine/version.ts";
import { addCancel, addRetry } from "./commands/by-hand.ts";
import { addCounts } from "./commands/counts.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEnqueue } from "./commands/enqueue.ts";
import { addList } from "./commands/list.ts";
import { addPrune } from "./commands/prune.ts";
import { addShow } from "./commands/show.ts";
import { addWorker } from "./commands/worker.ts";
import type { Terminal } from "./terminal.ts";

const AFTER = `
Exit codes: 0 done, 1 failed, 2 called in a way that makes no sense, 3 no such job or nothing changed,
4 the backend cannot be used, 130 interrupted.

Examples:
  rapidai worker tasks.ts --url redis://localhost:6379
  rapidai list --status failed --url sqlite:jobs.db
  RAPIDAI_QUEUE_URL=redis://localhost:6379 rapidai doctor`;

/** The command line: what it understands, and what each command does. */
export function programOf(terminal: Terminal): Command {
  const program = new Command("rapidai")
    .description("Looks at a queue of background jobs and works on it.")
    .version(VERSION, "-V, --version", "print the version")
    .option("--url <url>", "the queue: redis://HOST, rediss://HOST or sqlite:PATH (default: RAPIDAI_QUEUE_URL)")
    .option("--prefix <prefix>", "what its keys in Redis begin with (default: rapidai:jobs:)")
    .option("--json", "print JSON, one value a line, and errors as JSON as well")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError("Add --help for what it takes.")
    .exitOverride()
    .addHelpText("after", AFTER);
  for (const add of [addWorker, addList, addShow, addEnqueue, addRetry, addCancel, addCounts, addPrune, addDoctor]) {
    add(program, terminal);
  }
  return program;
}
