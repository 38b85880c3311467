import { Command, CommanderError, type OutputConfiguration } from "commander";
import { VERSION } from "../background/engine/version.ts";
import { addCancel, addRetry } from "./commands/by-hand.ts";
import { addCounts } from "./commands/counts.ts";
import { addDashboard } from "./commands/dashboard.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEnqueue } from "./commands/enqueue.ts";
import { addExplain } from "./commands/explain.ts";
import { addList } from "./commands/list.ts";
import { addPrune } from "./commands/prune.ts";
import { addShow } from "./commands/show.ts";
import { addWorker } from "./commands/worker.ts";
import { addWorkers } from "./commands/workers.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { safeJson, safeLines } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

const FOOTER = `
Exit codes: 0 success, 1 failed, 2 invalid arguments, 3 job not found, or not changed by retry or cancel,
4 the backend cannot be used, 124 not done within --timeout, 130 and 143 interrupted.

Examples:
  rapidai worker tasks.ts --url redis://localhost:6379
  rapidai list --status failed --url sqlite:jobs.db
  RAPIDAI_QUEUE_URL=redis://localhost:6379 rapidai doctor`;

const COMMANDS = [
  addWorker,
  addList,
  addShow,
  addExplain,
  addEnqueue,
  addRetry,
  addCancel,
  addCounts,
  addWorkers,
  addPrune,
  addDashboard,
  addDoctor,
];

/**
 * Defines the command line.
 *
 * @param argv as in `process.argv`
 */
export function programOf(terminal: Terminal, argv: readonly string[]): Command {
  const program = new Command("rapidai")
    .description("Inspects, changes and runs the jobs of a queue.")
    .version(VERSION, "-V, --version", "print the version")
    .option(
      "--url <url>",
      "the queue: redis://HOST, rediss://HOST, redis+sentinel://HOST,HOST/NAME or sqlite:PATH (default: RAPIDAI_QUEUE_URL)",
    )
    .option("--prefix <prefix>", "the prefix of its keys in Redis (default: rapidai:jobs:)")
    .option("--allow-eviction", "accept a Redis that evicts keys when its memory is full")
    .option("--json", "print JSON, one value per line, and errors as JSON too")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput(outputOf(terminal, isJson(argv)))
    .showHelpAfterError("Add --help for usage.")
    .exitOverride()
    .addHelpText("after", FOOTER);
  for (const add of COMMANDS) add(program, terminal);
  return program;
}

/** Runs the command that the arguments name, and sets `terminal.exitCode`. */
export async function runProgram(program: Command, terminal: Terminal, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    terminal.exitCode = exitCodeOf(error);
    // Without --json, commander has printed the error already.
    if (!isJson(argv) || terminal.exitCode === EXIT.ok) return;
    terminal.note(safeJson({ error: { code: "usage", message: error.message.replace(/^error: /, "") } }));
  }
}

function isJson(argv: readonly string[]): boolean {
  return argv.includes("--json");
}

function outputOf(terminal: Terminal, isJson: boolean): OutputConfiguration {
  return {
    writeOut: (text) => terminal.say(text.trimEnd()),
    // The message quotes what was typed, which may contain control characters.
    writeErr: (text) => {
      if (!isJson) for (const line of safeLines(text.trimEnd())) terminal.note(line);
    },
    getOutHelpWidth: () => terminal.width,
    getErrHelpWidth: () => terminal.width,
  };
}
