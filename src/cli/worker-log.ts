import { failureOf } from "../background/core/failure.ts";
import { counted } from "../background/core/text.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { Repeats } from "../background/engine/repeats.ts";
import { formatDuration, timeOfDay } from "./format-time.ts";
import { safeLine } from "./safe-text.ts";
import type { Style, Terminal } from "./terminal.ts";

const STYLES: Readonly<Record<string, Style>> = {
  started: "dim",
  completed: "green",
  retrying: "yellow",
  failed: "red",
  cancelled: "magenta",
  lost: "red",
  released: "yellow",
  crashed: "red",
  error: "red",
  recovered: "green",
};

export interface WorkerLogOptions {
  readonly json?: boolean | undefined;
  /** Whether to leave out jobs that start and complete. */
  readonly quiet?: boolean | undefined;
}

/** The job that an entry is about. */
interface JobRef {
  readonly jobId: string;
  readonly task: string;
}

/** A worker's log: one line or JSON object for each event, and on a terminal a status line with counts. */
export class WorkerLog {
  readonly #terminal: Terminal;
  readonly #options: WorkerLogOptions;
  readonly #running = new Map<string, JobRef>();
  readonly #repeats = new Repeats();
  #completed = 0;
  #failed = 0;

  constructor(terminal: Terminal, options: WorkerLogOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  /** How many jobs are running. */
  get running(): number {
    return this.#running.size;
  }

  /** Logs the events of a queue from now on. */
  watch(queue: JobQueue): void {
    queue.on("started", ({ waitMs, ...of }) => {
      this.#running.set(of.jobId, of);
      this.#tell("started", of, { waitMs: Math.round(waitMs) }, `attempt ${of.attempt}`, true);
    });
    queue.on("completed", ({ durationMs, ...of }) => {
      this.#running.delete(of.jobId);
      this.#completed++;
      this.#tell("completed", of, { durationMs: Math.round(durationMs) }, `in ${formatDuration(durationMs)}`, true);
    });
    queue.on("retrying", ({ error, delayMs, ...of }) => {
      this.#running.delete(of.jobId);
      const words = `attempt ${of.attempt} failed: ${error} · again in ${formatDuration(delayMs)}`;
      this.#tell("retrying", of, { error, delayMs: Math.round(delayMs) }, words);
    });
    queue.on("failed", ({ error, durationMs, ...of }) => {
      this.#running.delete(of.jobId);
      this.#failed++;
      this.#tell("failed", of, { error, durationMs: Math.round(durationMs) }, `after attempt ${of.attempt}: ${error}`);
    });
    queue.on("cancelled", (of) => {
      this.#running.delete(of.jobId);
      this.#tell("cancelled", of, {}, "");
    });
    queue.on("lost", (of) => {
      this.#running.delete(of.jobId);
      this.#tell(
        "lost",
        of,
        {},
        `attempt ${of.attempt}: its worker stopped responding, another one has the job, or the store lost it`,
      );
    });
    queue.on("released", ({ durationMs, ...of }) => {
      this.#running.delete(of.jobId);
      const words = `attempt ${of.attempt} was handed back, uncounted, after ${formatDuration(durationMs)}`;
      this.#tell("released", of, { durationMs: Math.round(durationMs) }, words);
    });
    queue.on("error", ({ error }) => this.error(error));
    queue.on("recovered", ({ downMs }) => {
      this.#repeats.forget();
      const message = `The queue is working again after ${formatDuration(downMs)}`;
      this.say("recovered", message, { downMs: Math.round(downMs) });
    });
  }

  error(error: unknown): void {
    const { message } = failureOf(error);
    if (this.#repeats.isNews(message, performance.now())) this.#tell("error", {}, { error: message }, message);
  }

  /** Logs that the process ends unexpectedly, with its running jobs and, if known, the job that caused it. */
  crashed(error: string, jobId?: string): void {
    const running = [...this.#running.values()];
    const names = running.map(({ task, jobId }) => `${task} ${jobId}`);
    const words = `${error} · ${counted(running.length, "job")} running${running.length === 0 ? "" : `: ${names.join(", ")}`}`;
    const of = jobId === undefined ? {} : { jobId, ...this.#running.get(jobId) };
    this.#tell("crashed", of, { error, running }, words);
  }

  /** Logs an event of the worker itself. */
  say(event: string, message: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.#tell(event, {}, { message, ...more }, message);
  }

  #tell(
    event: string,
    of: Partial<JobRef>,
    facts: Readonly<Record<string, unknown>>,
    words: string,
    isQuiet = false,
  ): void {
    const { json = false, quiet = false } = this.#options;
    const lines = this.#terminal.takeDropped();
    if (lines > 0) this.say("dropped", `${lines} lines were left out here: the reader was too slow`, { lines });
    if (!(quiet && isQuiet)) {
      const at = new Date();
      if (json) this.#terminal.json({ at, event, ...of, ...facts });
      else this.#terminal.say(this.#line(at, event, of, words));
    }
    if (!json) this.#terminal.live(`${this.running} running · ${this.#completed} completed · ${this.#failed} failed`);
  }

  #line(at: Date, event: string, { jobId, task }: Partial<JobRef>, words: string): string {
    const { isInteractive } = this.#terminal;
    const time = isInteractive ? this.#terminal.paint("dim", timeOfDay(at)) : at.toISOString();
    const style = STYLES[event];
    const name = style === undefined ? event.padEnd(9) : this.#terminal.paint(style, event.padEnd(9));
    const of = [task, jobId, words].map((part = "") => safeLine(part));
    return [time, name, ...of].filter((part) => part !== "").join(" ");
  }
}
