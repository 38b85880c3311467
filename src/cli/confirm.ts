import { UsageError } from "./exit-code.ts";

/**
 * Asks whoever sits at the terminal.
 *
 * @throws UsageError where nobody sits and `--yes` was not given
 */
export async function confirmed(
  question: string,
  { yes = false }: { readonly yes?: boolean | undefined },
): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`${question} Nobody can be asked here: add --yes.`);
  }
  const { confirm, isCancel } = await import("@clack/prompts");
  // On the error stream, so that the answer on the other can be read by a program.
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr });
  // While it asks, Ctrl-C is a key and no signal.
  if (isCancel(answer)) process.emit("SIGINT", "SIGINT");
  return answer === true;
}
