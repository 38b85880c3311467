import { counted } from "../background/core/text.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { Repeats } from "../background/engine/repeats.ts";
import { safeLine } from "./safe-text.ts";
import { spokenDuration, timeOfDay } from "./spoken-time.ts";
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
  /** Nothing of jobs that go well. */
  readonly quiet?: boolean | undefined;
}

/** An attempt of a job. */
interface About {
  readonly jobId: string;
  readonly task: string;
}

/** What a worker says of its jobs: a line each for a person, or JSON; and, on a terminal, how many there are. */
export class WorkerLog {
  readonly #terminal: Terminal;
  readonly #options: WorkerLogOptions;
  readonly #running = new Map<string, About>();
  readonly #repeats = new Repeats();
  #completed = 0;
  #failed = 0;

  constructor(terminal: Terminal, options: WorkerLogOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  /** Jobs whose handlers run. */
  get running(): number {
    return this.#running.size;
  }

  /** Tells of a queue's jobs from now on. */
  attend(queue: JobQueue): void {
    queue.on("started", ({ waitMs, ...of }) => {
      this.#running.set(of.jobId, of);
      this.#tell("started", of, { waitMs: Math.round(waitMs) }, `attempt ${of.attempt}`, true);
    });
    queue.on("completed", ({ durationMs, ...of }) => {
      this.#running.delete(of.jobId);
      this.#completed++;
      this.#tell("completed", of, { durationMs: Math.round(durationMs) }, `in ${spokenDuration(durationMs)}`, true);
    });
    queue.on("retrying", ({ error, delayMs, ...of }) => {
      this.#running.delete(of.jobId);
      const words = `attempt ${of.attempt} failed: ${error} · again in ${spokenDuration(delayMs)}`;
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
      this.#tell("lost", of, {}, `attempt ${of.attempt}: its worker no longer answered, or somebody else has it`);
    });
    queue.on("released", ({ durationMs, ...of }) => {
      this.#running.delete(of.jobId);
      const words = `attempt ${of.attempt} was handed back, uncounted, after ${spokenDuration(durationMs)}`;
      this.#tell("released", of, { durationMs: Math.round(durationMs) }, words);
    });
    queue.on("error", ({ error }) => this.error(error));
    queue.on("recovered", ({ downMs }) => {
      this.#repeats.forget();
      const message = `The queue works again, after ${spokenDuration(downMs)}`;
      this.say("recovered", message, { downMs: Math.round(downMs) });
    });
  }

  error(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#repeats.isNews(message, performance.now())) this.#tell("error", {}, { error: message }, message);
  }

  /** The process ends, and not in good order: which jobs it leaves, and whose fault it is, if that is known. */
  crashed(error: string, jobId?: string): void {
    const running = [...this.#running.values()];
    const names = running.map(({ task, jobId }) => `${task} ${jobId}`);
    const words = `${error} · ${counted(running.length, "job")} running${running.length === 0 ? "" : `: ${names.join(", ")}`}`;
    const of = jobId === undefined ? {} : { jobId, ...this.#running.get(jobId) };
    this.#tell("crashed", of, { error, running }, words);
  }

  /** Something about the worker itself. */
  say(event: string, message: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.#tell(event, {}, { message, ...more }, message);
  }

  #tell(
    event: string,
    of: Partial<About>,
    facts: Readonly<Record<string, unknown>>,
    words: string,
    isQuiet = false,
  ): void {
    const { json = false, quiet = false } = this.#options;
    const lines = this.#terminal.takeDropped();
    if (lines > 0) this.say("dropped", `${lines} lines are missing here: nobody took them`, { lines });
    if (!(quiet && isQuiet)) {
      const at = new Date();
      if (json) this.#terminal.json({ at, event, ...of, ...facts });
      else this.#terminal.say(this.#line(at, event, of, words));
    }
    if (!json) this.#terminal.live(`${this.running} running · ${this.#completed} completed · ${this.#failed} failed`);
  }

  #line(at: Date, event: string, { jobId, task }: Partial<About>, words: string): string {
    const { isInteractive } = this.#terminal;
    const time = isInteractive ? this.#terminal.paint("dim", timeOfDay(at)) : at.toISOString();
    const style = STYLES[event];
    const name = style === undefined ? event.padEnd(9) : this.#terminal.paint(style, event.padEnd(9));
    const of = [task, jobId, words].map((part = "") => safeLine(part));
    return [time, name, ...of].filter((part) => part !== "").join(" ");
  }
}
