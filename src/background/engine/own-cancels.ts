interface OwnCancel {
  /** Several callers may cancel the same job. */
  calls: number;
  /** The job's task, once the worker of this process has learned of a cancel. */
  learned: string | null;
}

/**
 * The jobs that this process is cancelling. Its own worker may learn of a cancel before the call is answered, and only the
 * answer says whether it was this process's or another's.
 */
export class OwnCancels {
  readonly #byJob = new Map<string, OwnCancel>();

  begin(jobId: string): void {
    const cancel = this.#byJob.get(jobId) ?? { calls: 0, learned: null };
    cancel.calls++;
    this.#byJob.set(jobId, cancel);
  }

  /** Whether a call is waiting for its answer. */
  has(jobId: string): boolean {
    return this.#byJob.has(jobId);
  }

  /** Notes that the worker has learned of a cancel; `false` if no call is waiting, so that it was another process's. */
  learn(jobId: string, task: string): boolean {
    const cancel = this.#byJob.get(jobId);
    if (cancel === undefined) return false;
    cancel.learned = task;
    return true;
  }

  /**
   * Ends a call.
   *
   * @returns the job's task if the worker has learned of a cancel that no other call will account for, else `null`
   */
  end(jobId: string, isOwn: boolean): string | null {
    const cancel = this.#byJob.get(jobId) as OwnCancel;
    cancel.calls--;
    if (cancel.calls === 0) this.#byJob.delete(jobId);
    else if (!isOwn) return null;
    const { learned } = cancel;
    // Retried by hand, the job may be cancelled by another of these calls.
    cancel.learned = null;
    return learned;
  }
}
