import type { Command } from "commander";
import type { Choice } from "../background/default-queue.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { EXIT, type ExitCode, errorCodeOf, exitCodeOf } from "./exit-code.ts";
import { choiceAt, type QueueAddress, queueAt, refuseMissingFile } from "./queue-at.ts";
import { safeJson, safeLine, safeLines } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Options of every command. */
export interface CommonOptions extends QueueAddress {
  readonly json?: boolean | undefined;
}

/** What a command works with. */
export interface Scene<Options> {
  readonly queue: JobQueue;
  readonly terminal: Terminal;
  readonly options: Options & CommonOptions;
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly choice: Choice;
}

export interface RunInit<Options> {
  /** Whether a file that is not there yet may be made. */
  readonly mayCreate?: boolean;
  /** Refuses what makes no sense, before anything is opened. */
  readonly check?: (options: Options & CommonOptions) => void;
}

/** How long the backend may take to be there. */
const READY = "10s";

/**
 * Runs a command on the queue that its options name: opens it, closes it, and ends the process with the code that the
 * command returns or that fits its error.
 */
export async function runOnQueue<Options>(
  terminal: Terminal,
  command: Command,
  act: (scene: Scene<Options>) => Promise<ExitCode>,
  { mayCreate = false, check = () => {} }: RunInit<Options> = {},
): Promise<void> {
  const options = command.optsWithGlobals<Options & CommonOptions>();
  await ending(terminal, options, async () => {
    const choice = choiceAt(options, process.env);
    check(options);
    if (!mayCreate) refuseMissingFile(choice);
    const queue = await queueAt(choice, options.prefix, { worker: false });
    const { signal, stop } = untilInterrupted();
    try {
      await queue.ready({ timeout: READY });
      const code = await act({ queue, terminal, options, interrupted: signal, choice });
      return signal.aborted ? EXIT.interrupted : code;
    } finally {
      terminal.live("");
      stop();
      await queue.close({ grace: 0 });
    }
  });
}

/** Sets what the process is to end with, and says what went wrong. */
export async function ending(
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
      for (const line of rest) terminal.note(`  ${safeLine(line)}`);
    }
  }
}

/** The first Ctrl-C or SIGTERM asks to stop, the second stops. */
function untilInterrupted(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  const onSignal = () => {
    stop();
    controller.abort();
  };
  const stop = () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return { signal: controller.signal, stop };
}
