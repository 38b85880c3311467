import { EXIT, type ExitCode } from "./exit-code.ts";
import { safeJson } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Says that there is no such job. */
export function sayNoJob(
  terminal: Terminal,
  jobId: string,
  { json }: { readonly json?: boolean | undefined },
): ExitCode {
  const message = `There is no job ${jobId}: it was never enqueued here, or is no longer kept.`;
  terminal.note(json ? safeJson({ error: { code: "job_not_found", message } }) : `rapidai: ${message}`);
  return EXIT.unchanged;
}
