import type { JobQueue } from "../background/engine/queue.ts";
import type { Source } from "./feed.ts";
import { type Redact, type ShownJob, showJob } from "./redaction.ts";

/** What happens to one job: all of it that can change, and the log lines that are new. */
export class JobSource implements Source {
  readonly #queue: JobQueue;
  readonly #jobId: string;
  readonly #redact: Redact | undefined;
  #told = "";
  #logs: readonly unknown[] = [];
  #isGone = false;

  constructor(queue: JobQueue, jobId: string, redact: Redact | undefined) {
    this.#queue = queue;
    this.#jobId = jobId;
    this.#redact = redact;
  }

  async look(tell: (event: string, data: unknown) => void): Promise<ShownJob | null> {
    const job = await this.#queue.getDetails(this.#jobId);
    if (job === null) {
      if (this.#told !== "" && !this.#isGone) tell("gone", { jobId: this.#jobId });
      this.#isGone = true;
      return null;
    }
    const shown = showJob(job, this.#redact);
    const before = { told: this.#told, logs: this.#logs };
    this.#remember(shown);
    // Nobody can have seen anything before the first look.
    if (before.told === "") return shown;
    const lines = newLines(before.logs, this.#logs);
    if (lines.length > 0) tell("log", { jobId: this.#jobId, lines });
    if (this.#told !== before.told) tell("job", withoutLarge(shown));
    return shown;
  }

  #remember(shown: ShownJob): void {
    this.#isGone = false;
    this.#told = JSON.stringify({ ...withoutLarge(shown), estimatedCompletion: null });
    this.#logs = Array.isArray(shown.logs) ? shown.logs : [];
  }
}

/** The payload never changes, and log lines are told as they come. */
function withoutLarge({ payload: _, logs: __, ...rest }: ShownJob): ShownJob {
  return rest;
}

/** What was added behind the lines that were there; the oldest of them may have been dropped meanwhile. */
export function newLines(before: readonly unknown[], now: readonly unknown[]): readonly unknown[] {
  for (let dropped = Math.max(0, before.length - now.length); dropped < before.length; dropped++) {
    const kept = before.length - dropped;
    let same = 0;
    while (same < kept && before[dropped + same] === now[same]) same++;
    if (same === kept) return now.slice(kept);
  }
  return now;
}
