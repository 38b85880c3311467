#!/usr/bin/env node
import { CommanderError } from "commander";
import { exitCodeOf } from "./exit-code.ts";
import { programOf } from "./program.ts";
import { Terminal } from "./terminal.ts";

const terminal = new Terminal(process.stdout, process.stderr);
try {
  await programOf(terminal).parseAsync();
} catch (error) {
  // It has said why itself.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = exitCodeOf(error);
}
