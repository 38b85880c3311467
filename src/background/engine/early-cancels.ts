/** Cancellations heard of while a claim is in flight that may bring the cancelled jobs. */
export class EarlyCancels {
  #cancelled: Set<string> | undefined;
  #hinted: Set<string> | undefined;
  /** Whether signals may have been lost, and any job cancelled unnoticed. */
  isAfterGap = false;

  /** Notes that this process cancelled a job. */
  cancelled(id: string): void {
    this.#cancelled ??= new Set();
    this.#cancelled.add(id);
  }

  /** Notes that jobs may have been cancelled elsewhere: only the store knows whether, and in which attempt. */
  hinted(ids: readonly string[], isAfterGap = false): void {
    this.isAfterGap ||= isAfterGap;
    this.#hinted ??= new Set();
    for (const id of ids) this.#hinted.add(id);
  }

  isCancelled(id: string): boolean {
    return this.#cancelled?.has(id) === true;
  }

  get hints(): readonly string[] {
    return [...(this.#hinted ?? [])];
  }
}
