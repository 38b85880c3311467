#!/usr/bin/env node
import { programOf, runProgram } from "./program.ts";
import { Terminal } from "./terminal.ts";

// That node:sqlite is young, as Node 22 has it, is known to whoever chose it, and no part of what a command says.
const { emitWarning } = process;
process.emitWarning = (warning: string | Error, ...more: never[]) => {
  if (!String(warning).startsWith("SQLite is an experimental feature")) emitWarning(warning, ...more);
};

const terminal = new Terminal(process.stdout, process.stderr);
await runProgram(programOf(terminal, process.argv), terminal, process.argv);
process.exitCode = terminal.exitCode;
