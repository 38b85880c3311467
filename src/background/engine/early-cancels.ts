/** What was heard of jobs while a claim is under way, which may bring them. */
export class Meanwhile {
  #cancelled: Set<string> | undefined;
  #hinted: Set<string> | undefined;

  /** This process cancelled a job. */
  cancelled(id: string): void {
    this.#cancelled ??= new Set();
    this.#cancelled.add(id);
  }

  /** Somebody may have cancelled these: whether it is so, and of this attempt, is for the store to say. */
  hinted(ids: readonly string[]): void {
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
