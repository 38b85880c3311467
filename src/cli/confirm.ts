import { UsageError } from "./exit-code.ts";

/**
 * Asks for confirmation on the terminal, unless `--yes` was given.
 *
 * @param interrupted ends the question, as if it were denied
 * @throws UsageError if there is no terminal
 */
export async function confirmed(
  question: string,
  { yes = false }: { readonly yes?: boolean | undefined },
  interrupted: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`${question} There is no terminal to ask on: add --yes.`);
  }
  const { confirm, isCancel } = await import("@clack/prompts");
  // On stderr, so that a program can read stdout.
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr, signal: interrupted });
  // While the prompt is open, Ctrl-C arrives as a key and not as a signal.
  if (isCancel(answer) && !interrupted.aborted) process.emit("SIGINT", "SIGINT");
  return answer === true;
}
