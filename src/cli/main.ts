#!/usr/bin/env node
import { isTooOld, OLDEST_NODE } from "./node-version.ts";

const { node } = process.versions;
if (isTooOld(node)) {
  console.error(`rapidai: Node.js ${OLDEST_NODE.join(".")} or newer is needed, and this is ${node}.`);
  process.exit(1);
}
// Not before: an older one knows less than they are made of.
const { programOf, runProgram } = await import("./program.ts");
const { Terminal } = await import("./terminal.ts");

// That node:sqlite is young, as Node 22 has it, is known to whoever chose it, and no part of what a command says.
const { emitWarning } = process;
process.emitWarning = (warning: string | Error, ...more: never[]) => {
  if (!String(warning).startsWith("SQLite is an experimental feature")) emitWarning(warning, ...more);
};

const terminal = new Terminal(process.stdout, process.stderr);
await runProgram(programOf(terminal, process.argv), terminal, process.argv);
process.exitCode = terminal.exitCode;
