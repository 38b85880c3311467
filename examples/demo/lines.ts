import type { JobView } from "./client.ts";
import type { Display } from "./display.ts";
import { stateOf } from "./state.ts";
import type { Sent } from "./watch.ts";

/** For logs and pipes: a line whenever a job has come a quarter further, or to another state. */
export class Lines implements Display {
  readonly #write: (line: string) => void;
  readonly #shown: Map<string, string> = new Map();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(sent: readonly Sent[]): void {
    for (const { document, job } of sent) {
      const step = stepOf(job);
      if (this.#shown.get(job.jobId) === step) continue;
      this.#shown.set(job.jobId, step);
      this.#write(`${document.name}: ${stateOf(job, Date.now())}`);
    }
  }

  end(): void {}
}

function stepOf({ status, attempts, progress }: JobView): string {
  const quarter = status === "running" ? Math.floor((progress?.fraction ?? 0) * 4) : 0;
  return `${status} ${attempts} ${quarter}`;
}
