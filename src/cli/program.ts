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
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { safeJson, safeLines } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

const AFTER = `
Exit codes: 0 done, 1 failed, 2 called in a way that makes no sense, 3 no such job, or retry and cancel changed nothing,
4 the backend cannot be used, 124 not done within its --timeout, 130 and 143 interrupted.

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
  addPrune,
  addDashboard,
  addDoctor,
];

/**
 * The command line: what it understands, and what each command does.
 *
 * @param argv as in `process.argv`
 */
export function programOf(terminal: Terminal, argv: readonly string[]): Command {
  const program = new Command("rapidai")
    .description("Looks at a queue of background jobs and works on it.")
    .version(VERSION, "-V, --version", "print the version")
    .option(
      "--url <url>",
      "the queue: redis://HOST, rediss://HOST, redis+sentinel://HOST,HOST/NAME or sqlite:PATH (default: RAPIDAI_QUEUE_URL)",
    )
    .option("--prefix <prefix>", "what its keys in Redis begin with (default: rapidai:jobs:)")
    .option("--json", "print JSON, one value a line, and errors as JSON as well")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput(outputOf(terminal, isJson(argv)))
    .showHelpAfterError("Add --help for what it takes.")
    .exitOverride()
    .addHelpText("after", AFTER);
  for (const add of COMMANDS) add(program, terminal);
  return program;
}

/** Does what the arguments say; `terminal.exitCode` is then what the process is to end with. */
export async function runProgram(program: Command, terminal: Terminal, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    terminal.exitCode = exitCodeOf(error);
    // Otherwise it has been said already.
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
    // What was typed may hold anything, too.
    writeErr: (text) => {
      if (!isJson) for (const line of safeLines(text.trimEnd())) terminal.note(line);
    },
    getOutHelpWidth: () => terminal.width,
    getErrHelpWidth: () => terminal.width,
  };
}
