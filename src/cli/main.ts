#!/usr/bin/env node
import { programOf, runProgram } from "./program.ts";
import { Terminal } from "./terminal.ts";

const terminal = new Terminal(process.stdout, process.stderr);
await runProgram(programOf(terminal, process.argv), terminal, process.argv);
process.exitCode = terminal.exitCode;
