import type { JobQueue } from "../background/engine/queue.ts";
import type { Source } from "./feed.ts";
import { type Redact, type ShownJob, showJob } from "./redaction.ts";

/** Polls one job for changes and new log lines. */
export class JobSource implements Source {
  readonly #queue: JobQueue;
  readonly #jobId: string;
  readonly #redact: Redact | undefined;
  /** The job as last sent, as JSON; empty before the first poll. */
  #sent = "";
  #logs: readonly unknown[] = [];
  #isGone = false;

  constructor(queue: JobQueue, jobId: string, redact: Redact | undefined) {
    this.#queue = queue;
    this.#jobId = jobId;
    this.#redact = redact;
  }

  async poll(emit: (event: string, data: unknown) => void): Promise<ShownJob | null> {
    const job = await this.#queue.getDetails(this.#jobId);
    if (job === null) {
      if (this.#sent !== "" && !this.#isGone) emit("gone", { jobId: this.#jobId });
      this.#isGone = true;
      return null;
    }
    const shown = showJob(job, this.#redact);
    const before = { sent: this.#sent, logs: this.#logs };
    this.#remember(shown);
    // Before the first poll, no viewer has a state to update.
    if (before.sent === "") return shown;
    const lines = newLines(before.logs, this.#logs);
    if (lines.length > 0) emit("log", { jobId: this.#jobId, lines });
    if (this.#sent !== before.sent) emit("job", withoutLarge(shown));
    return shown;
  }

  #remember(shown: ShownJob): void {
    this.#isGone = false;
    this.#sent = JSON.stringify({ ...withoutLarge(shown), estimatedCompletion: null });
    this.#logs = Array.isArray(shown.logs) ? shown.logs : [];
  }
}

/** The payload never changes, and log lines are sent in events of their own. */
function withoutLarge({ payload: _, logs: __, ...rest }: ShownJob): ShownJob {
  return rest;
}

/** The lines appended since `before`, whose oldest lines may have been dropped meanwhile. */
export function newLines(before: readonly unknown[], now: readonly unknown[]): readonly unknown[] {
  for (let dropped = Math.max(0, before.length - now.length); dropped < before.length; dropped++) {
    const kept = before.length - dropped;
    let same = 0;
    while (same < kept && before[dropped + same] === now[same]) same++;
    if (same === kept) return now.slice(kept);
  }
  return now;
}
