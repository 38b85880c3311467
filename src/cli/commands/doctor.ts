import type { Command } from "commander";
import { type Duration, toMs } from "../../background/core/duration.ts";
import { duration } from "../arguments.ts";
import type { Check, CheckStatus } from "../check.ts";
import { checksOf } from "../checkup.ts";
import { EXIT } from "../exit-code.ts";
import { choiceAt, queueAt, shownUrl } from "../queue-at.ts";
import { type CommonOptions, withExitCode } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import type { Style, Terminal } from "../terminal.ts";

interface DoctorOptions extends CommonOptions {
  readonly strict?: boolean;
  readonly stuck: Duration;
}

const STYLES: Readonly<Record<CheckStatus, Style>> = { ok: "green", warn: "yellow", fail: "red" };

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .summary("check the backend's settings, and whether jobs are run")
    .description(
      "Prints one line for each check: ok, warn or fail. Exits with 0 if nothing failed, 1 if something did, 4 if the backend cannot be used.",
    )
    .option("--strict", "warnings count as failures")
    .option("--stuck <duration>", "warn about jobs that have run, or been due, for longer", duration, "1h")
    .addHelpText(
      "after",
      `
Examples:
  rapidai doctor --url redis://localhost:6379
  rapidai doctor --json | jq '.checks[] | select(.status != "ok")'`,
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      await withExitCode(terminal, options, async () => {
        const choice = choiceAt(options, process.env);
        const queue = await queueAt(choice, options, { worker: false });
        try {
          const { checks, isReachable } = await checksOf(queue, choice, toMs(options.stuck, "stuck"));
          const isFailed = checks.some(
            ({ status }) => status === "fail" || (options.strict === true && status === "warn"),
          );
          if (options.json) terminal.json({ url: shownUrl(choice), isOk: !isFailed, checks });
          else for (const check of checks) sayCheck(check, terminal);
          if (!isReachable) return EXIT.unavailable;
          return isFailed ? EXIT.failed : EXIT.ok;
        } finally {
          await queue.close({ grace: 0 });
        }
      });
    });
}

function sayCheck({ name, status, message, remedy }: Check, terminal: Terminal): void {
  terminal.say(`${terminal.paint(STYLES[status], status.padEnd(4))}  ${name.padEnd(9)} ${safeLine(message)}`);
  if (remedy !== null) terminal.say(`      ${"".padEnd(9)} ${terminal.paint("dim", safeLine(remedy))}`);
}
