import type { Command } from "commander";
import { jobId } from "../arguments.ts";
import { EXIT } from "../exit-code.ts";
import { noSuchJob } from "../no-such-job.ts";
import { runOnQueue } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import type { Terminal } from "../terminal.ts";

export function addExplain(program: Command, terminal: Terminal): void {
  program
    .command("explain")
    .argument("<id>", "the job's id", jobId)
    .summary("why a job has its status, and what would change it")
    .description(
      "Says why a job has its status (no worker, slots busy, waiting for a retry …), and what would change it.",
    )
    .addHelpText(
      "after",
      `
Examples:
  rapidai explain 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30
  rapidai explain 01938a6e-7d3a-7c41-b3a4-5f7c9d1e2b30 --json | jq -r '.causes[].code'`,
    )
    .action((id: string, _options, command: Command) =>
      runOnQueue(terminal, command, async ({ queue, options }) => {
        const explanation = await queue.explain(id);
        if (explanation === null) throw noSuchJob(id);
        if (options.json) terminal.json(explanation);
        else {
          terminal.say(terminal.paint("bold", safeLine(explanation.summary)));
          for (const { code, message, remedy, detail } of explanation.causes) {
            terminal.say(`\n${terminal.paint("cyan", code)}  ${safeLine(message)}`);
            if (detail !== null) terminal.say(`  ${terminal.paint("red", safeLine(detail))}`);
            terminal.say(`  ${terminal.paint("dim", safeLine(remedy))}`);
          }
        }
        return EXIT.ok;
      }),
    );
}
