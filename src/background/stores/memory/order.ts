/** Orders by an instant, then by id. */
export function isEarlier(at: number, id: string, otherAt: number, otherId: string): boolean {
  return at === otherAt ? id < otherId : at < otherAt;
}

/** Whether enough entries are dead to remove them: the cost is amortized over the removals. */
export function isSweepDue(entries: number, live: number): boolean {
  return entries > 2 * live + 64;
}
