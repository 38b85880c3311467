#!/usr/bin/env node
import { isTooOld, OLDEST_NODE } from "./node-version.ts";

const { node } = process.versions;
if (isTooOld(node)) {
  console.error(`rapidai: Node.js ${OLDEST_NODE.join(".")} or newer is needed, but this is ${node}.`);
  process.exit(1);
}
// Imported after the check: an older Node.js could not load these modules.
const { programOf, runProgram } = await import("./program.ts");
const { Terminal } = await import("./terminal.ts");

// Suppresses Node 22's warning that node:sqlite is experimental, which is no part of a command's output.
const { emitWarning } = process;
process.emitWarning = (warning: string | Error, ...more: never[]) => {
  if (!String(warning).startsWith("SQLite is an experimental feature")) emitWarning(warning, ...more);
};

const terminal = new Terminal(process.stdout, process.stderr);
await runProgram(programOf(terminal, process.argv), terminal, process.argv);
process.exitCode = terminal.exitCode;
