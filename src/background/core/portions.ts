import type { JobRecord, ListFilter } from "./store.ts";

/** The records of all ids, by repeated calls that each return those of the next ids, as many as fit one call. */
export async function getInPortions(
  ids: readonly string[],
  get: (ids: readonly string[]) => Promise<readonly (JobRecord | null)[]>,
): Promise<(JobRecord | null)[]> {
  const records: (JobRecord | null)[] = [];
  while (records.length < ids.length) {
    const portion = await get(ids.slice(records.length));
    if (portion.length === 0) break;
    records.push(...portion);
  }
  return records;
}

/** The beginning of a page, and the id before which the rest follows; `null` if there is no rest. */
export interface Portion {
  readonly page: readonly JobRecord[];
  readonly next: string | null;
}

/** A whole page, by repeated calls that each return as much of it as fits one call. */
export async function listInPortions(
  filter: ListFilter,
  list: (filter: ListFilter) => Promise<Portion>,
): Promise<JobRecord[]> {
  const records: JobRecord[] = [];
  let left = filter;
  for (;;) {
    const { page, next } = await list(left);
    records.push(...page);
    const limit = filter.limit - records.length;
    if (next === null || limit === 0) return records;
    left = { ...filter, before: next, limit };
  }
}
