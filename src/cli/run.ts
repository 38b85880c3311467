import type { Command } from "commander";
import { onEndSignal } from "../app/end-signals.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { EXIT, type ExitCode, errorCodeOf, exitCodeOf } from "./exit-code.ts";
import { refuseMissingQueue } from "./missing-queue.ts";
import { choiceAt, type QueueAddress, queueAt } from "./queue-at.ts";
import { safeJson, safeLines } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Options of every command. */
export interface CommonOptions extends QueueAddress {
  readonly json?: boolean | undefined;
}

/** What a command gets to run. */
export interface CommandContext<Options> {
  readonly queue: JobQueue;
  readonly terminal: Terminal;
  readonly options: Options & CommonOptions;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
}

export interface RunInit<Options> {
  /** Whether a queue may be created in an SQLite file. Default: false. */
  readonly mayCreate?: boolean;
  /** Called before the queue is opened, to validate options and read input. */
  readonly prepare?: (options: Options & CommonOptions) => void | Promise<void>;
}

/** How long to wait for the backend. */
const READY = "10s";

/**
 * Runs a command on the queue that its options name: opens the queue, closes it afterwards, and sets the exit code that
 * the command returns or that corresponds to its error.
 */
export async function runOnQueue<Options>(
  terminal: Terminal,
  command: Command,
  act: (context: CommandContext<Options>) => Promise<ExitCode>,
  { mayCreate = false, prepare = () => {} }: RunInit<Options> = {},
): Promise<void> {
  const options = command.optsWithGlobals<Options & CommonOptions>();
  await withExitCode(terminal, options, async () => {
    const choice = choiceAt(options, process.env);
    await prepare(options);
    if (!mayCreate) await refuseMissingQueue(choice);
    const queue = await queueAt(choice, options, { worker: false });
    const interruption = untilInterrupted();
    const { signal: interrupted } = interruption;
    try {
      await queue.ready({ timeout: READY });
      const code = interrupted.aborted ? EXIT.ok : await act({ queue, terminal, options, interrupted });
      return interrupted.aborted ? interruption.exitCode : code;
    } finally {
      terminal.live("");
      interruption.stop();
      await queue.close({ grace: 0 });
    }
  });
}

/** Calls `act`, sets the exit code, and prints the error if there is one. */
export async function withExitCode(
  terminal: Terminal,
  { json = false }: { readonly json?: boolean | undefined },
  act: () => Promise<ExitCode>,
): Promise<void> {
  try {
    terminal.exitCode = await act();
  } catch (error) {
    terminal.exitCode = exitCodeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    terminal.live("");
    if (json) terminal.note(safeJson({ error: { code: errorCodeOf(error), message } }));
    else {
      const [first = "", ...rest] = safeLines(message);
      terminal.note(`rapidai: ${first}`);
      for (const line of rest) terminal.note(`  ${line}`);
    }
  }
}

/** Aborts a signal on the first SIGINT or SIGTERM; the second one ends the process. */
function untilInterrupted(): { readonly signal: AbortSignal; readonly exitCode: ExitCode; stop(): void } {
  const controller = new AbortController();
  let exitCode: ExitCode = EXIT.interrupted;
  const stop = onEndSignal((name) => {
    if (name === "SIGTERM") exitCode = EXIT.terminated;
    controller.abort();
  });
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    stop,
  };
}
