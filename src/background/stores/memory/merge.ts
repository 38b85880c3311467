import type { MemoryRecord } from "./record.ts";

type Records = Iterator<MemoryRecord, undefined>;

interface Source {
  readonly records: Records;
  readonly head: MemoryRecord;
}

/** Merges listings, each newest id first, into one, and returns its first `limit` records. */
export function mergeNewest(listings: readonly Records[], limit: number): MemoryRecord[] {
  const page: MemoryRecord[] = [];
  const sources = listings.flatMap((records) => advance(records) ?? []);
  sources.sort((a, b) => (a.head.id < b.head.id ? -1 : 1));
  while (page.length < limit) {
    const newest = sources.pop();
    if (newest === undefined) break;
    page.push(newest.head);
    const next = advance(newest.records);
    if (next === undefined) continue;
    let place = sources.length;
    while (place > 0 && (sources[place - 1] as Source).head.id > next.head.id) place--;
    sources.splice(place, 0, next);
  }
  return page;
}

function advance(records: Records): Source | undefined {
  const head = records.next().value;
  return head && { records, head };
}
