/** Whether one comes before another: by an instant, then by id. */
export function isEarlier(at: number, id: string, otherAt: number, otherId: string): boolean {
  return at === otherAt ? id < otherId : at < otherAt;
}

/** Whether so many of `entries` are dead that it is time to sweep; the cost is paid for by those that died. */
export function isCrowded(entries: number, live: number): boolean {
  return entries > 2 * live + 64;
}
