import type { Display } from "./display.ts";
import { stateOf } from "./state.ts";
import type { Sent } from "./watch.ts";

/** For logs and pipes: a line whenever a job has advanced by a quarter, or changed state. */
export class Lines implements Display {
  readonly #write: (line: string) => void;
  readonly #shown: Map<string, string> = new Map();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(sent: readonly Sent[]): void {
    for (const one of sent) {
      const { document, job } = one;
      const step = stepOf(one);
      if (this.#shown.get(job.jobId) === step) continue;
      this.#shown.set(job.jobId, step);
      this.#write(`${document.name}: ${stateOf(one, Date.now())}`);
    }
  }

  end(): void {}
}

function stepOf({ job: { status, attempts, progress }, isOrphan }: Sent): string {
  const quarter = status === "running" ? Math.floor((progress?.fraction ?? 0) * 4) : 0;
  return `${status} ${attempts} ${quarter} ${isOrphan}`;
}
