import { percentOf } from "../background/core/percent.ts";
import type { AttemptHistory, JobDetails } from "../background/core/result.ts";
import { counted } from "../background/core/text.ts";
import { formatDuration, formatRelative } from "./format-time.ts";
import { styleOf } from "./job-status.ts";
import { safeJson, safeLine, safeLines } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** How many lines of a value, a stack or the logs are shown without `--full`. */
const FEW = 20;

/** Prints all details of a job. */
export function sayJob(job: JobDetails, terminal: Terminal, isFull: boolean): void {
  const paint = terminal.paint.bind(terminal);
  const now = Date.now();
  const field = (name: string, value: string) => terminal.say(`  ${paint("dim", name.padEnd(10))}${value}`);
  const time = (at: Date) => `${at.toISOString()}  ${paint("dim", formatRelative(at, now))}`;

  terminal.say(`${paint("bold", safeLine(job.task))} ${job.jobId} ${paint(styleOf(job.status), job.status)}`);
  field(
    "Attempts",
    `${job.attempts} of ${job.attemptLimit}${job.losses > 0 ? `, ${counted(job.losses, "worker")} lost` : ""}`,
  );
  if (job.status === "pending") field("Runs at", time(job.runAt));
  if (job.worker !== null) field("Worker", safeLine(job.worker));
  if (job.duration !== null) field("Duration", formatDuration(1_000 * job.duration));
  if (job.progress !== null) field("Progress", safeLine(progressText(job)));
  if (job.estimatedCompletion !== null) field("Estimate", estimateText(job.estimatedCompletion, now, time));
  if (job.cancelledBy !== null) field("Cancelled", `by ${safeLine(job.cancelledBy)}`);
  if (job.usage !== null) {
    const { inputTokens, outputTokens, cost } = job.usage;
    field("Tokens", `${inputTokens} in, ${outputTokens} out${cost === null ? "" : `, $${cost}`}`);
  }
  if (job.error !== null) field("Error", paint("red", safeLine(job.error)));

  const part = (name: string) => terminal.say(`\n${paint("bold", name)}`);
  part("Timeline");
  terminal.say(`  ${time(job.createdAt)}  enqueued`);
  if (wasHandedBack(job))
    terminal.say(`  ${time(job.startedAt)}  claimed, and later handed back, uncounted: it may have run`);
  for (const attempt of job.history) sayAttempt(attempt, terminal, time, isFull);
  if (job.completedAt !== null) terminal.say(`  ${time(job.completedAt)}  ${job.status}`);
  if (job.logs.length > 0) {
    part("Logs");
    const lines = isFull ? job.logs : job.logs.slice(-FEW);
    if (lines.length < job.logs.length)
      terminal.say(paint("dim", `  … ${job.logs.length - lines.length} earlier lines`));
    for (const line of lines) terminal.say(`  ${safeLine(line)}`);
  }
  part("Payload");
  sayValue(plain(job).payload, terminal, isFull);
  if (job.status === "completed") {
    part("Result");
    sayValue(plain(job).result, terminal, isFull);
  }
}

/** Once a job has taken as long as its task usually takes, the estimate is the present, also for one that hangs. */
function estimateText(at: Date, now: number, time: (at: Date) => string): string {
  return at.getTime() - now < 1_000 ? "done any moment, unless it takes longer than usual" : `done ${time(at)}`;
}

/** Whether a worker had it before the first attempt that counts, and handed it back: its work may be done twice. */
function wasHandedBack(job: JobDetails): job is JobDetails & { readonly startedAt: Date } {
  const { startedAt, history } = job;
  const [first] = history;
  if (startedAt === null || first === undefined) return startedAt !== null;
  return first.attempt === 1 && startedAt < first.startedAt;
}

function sayAttempt(
  { attempt, status, worker, startedAt, endedAt, error }: AttemptHistory,
  terminal: Terminal,
  time: (at: Date) => string,
  isFull: boolean,
): void {
  terminal.say(`  ${time(startedAt)}  attempt ${attempt} started${worker === null ? "" : ` on ${safeLine(worker)}`}`);
  if (endedAt === null || error === null) return;
  const took = formatDuration(endedAt.getTime() - startedAt.getTime());
  terminal.say(`  ${time(endedAt)}  attempt ${attempt} ${status} after ${took}`);
  const stack = safeLines(error.stack ?? `${error.name}: ${error.message}`);
  for (const line of isFull ? stack : stack.slice(0, FEW)) terminal.say(`      ${terminal.paint("red", line)}`);
}

function sayValue(value: unknown, terminal: Terminal, isFull: boolean): void {
  const lines = safeJson(value, 2).split("\n");
  const shown = isFull ? lines : lines.slice(0, FEW);
  for (const line of shown)
    terminal.say(`  ${isFull || line.length <= 500 ? line : `${line.slice(0, 500)}… (--full)`}`);
  if (shown.length < lines.length) {
    terminal.say(terminal.paint("dim", `  … ${lines.length - shown.length} more lines (--full)`));
  }
}

/** Payload and result in their plain JSON form. */
function plain(job: JobDetails): { readonly payload: unknown; readonly result: unknown } {
  return (job as JobDetails & { toJSON(): { payload: unknown; result: unknown } }).toJSON();
}

/** A job's progress as text. */
export function progressText({ progress }: Pick<JobDetails, "progress">): string {
  if (progress === null) return "";
  const { fraction, done, total, message } = progress;
  const percent = fraction === null ? "" : percentOf(fraction);
  const count = done === null ? "" : total === null ? `${done} done` : `${done} of ${total}`;
  return [percent, count, message ?? ""].filter((text) => text !== "").join("  ");
}
