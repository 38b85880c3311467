import { createClient } from "redis";
import { SHORT_LENGTH } from "../../src/background/stores/redis/short-id.ts";

type Client = ReturnType<typeof createClient>;

/** The stored state of a queue. */
interface Kept {
  /** By short id. */
  readonly records: Map<string, string>;
  /** The index, the member and, except of leases, the score of each entry; also the tasks, and keys of separately stored parts. */
  readonly entries: Set<string>;
  /** The entries in the indexes of completed jobs, by short id. */
  readonly completed: Map<string, string>;
  readonly leaseEnds: number[];
  /** The tasks of the sets of leases, which may be empty. */
  readonly leased: Set<string>;
}

/** The beginning of a record: of a job that was never claimed, or with each flag once. */
const FLAGGED = /^(?:n|[prfx]\S* \d+ (?:-|(?!\w*(\w)\w*\1)[hag]+) )/;

/**
 * Counts the queues on a server, and finds where their indexes and records disagree. The layout is in `keys.ts` and `fields.ts`.
 */
export async function indexFaults(url: string): Promise<{ readonly queues: number; readonly faults: string[] }> {
  const client: Client = createClient({ url });
  await client.connect();
  const bases = new Set((await client.keys("*")).map((key) => key.slice(0, key.indexOf("}:") + 2)));
  const faults: string[] = [];
  for (const base of bases) faults.push(...(await faultsAt(client, base)));
  client.destroy();
  return { queues: bases.size, faults };
}

async function faultsAt(client: Client, base: string): Promise<string[]> {
  const { records, entries, completed, leaseEnds, leased } = await keptAt(client, base);
  const floor = Number(await client.get(`${base}e`));
  const faults = leaseEnds.filter((end) => end < floor).map((end) => `a lease ends at ${end}, before ${floor}`);
  const expected = new Set<string>();
  for (const [id, record] of records) {
    if (!FLAGGED.test(record)) faults.push(`no flags, or one twice: ${record}`);
    const all = entriesOf(id, record, entries, completed.get(id));
    for (const entry of all) expected.add(entry);
    for (const entry of all) if (!entries.has(entry) && !isNote(entry)) faults.push(`${entry} is missing: ${record}`);
  }
  for (const task of leased)
    if (!expected.has(`t ${task}`)) faults.push(`there are leases of ${task}, which has no jobs`);
  for (const entry of entries) if (!expected.has(entry)) faults.push(`${entry} has no record`);
  return faults.map((fault) => `${base}: ${fault}`);
}

async function keptAt(client: Client, base: string): Promise<Kept> {
  const records = new Map<string, string>();
  const entries = new Set<string>();
  const completed = new Map<string, string>();
  const leaseEnds: number[] = [];
  const leased = new Set<string>();
  for (const key of await client.keys(`${base}*`)) {
    const name = key.slice(base.length);
    const kind = name.slice(0, 1);
    if (kind === "j") records.set(name.slice(1), (await client.get(key)) ?? "");
    else if (kind === "t") for (const task of await client.sMembers(key)) entries.add(`t ${task}`);
    else if (kind === "C") for (const id of await client.lRange(key, 0, -1)) entries.add(`C ${id}`);
    else if ("pohag".includes(kind)) entries.add(name);
    else if ("lwqrcfxF".includes(kind)) {
      if (kind === "r") leased.add(name.slice(name.indexOf(":") + 1));
      for (const { value, score } of await client.zRangeWithScores(key, 0, -1)) {
        // The one member that is not a job: see `leasesOf` in `prelude.ts`.
        if (value.startsWith("~")) continue;
        entries.add(kind === "r" ? `${name} ${value}` : `${name} ${value} ${score}`);
        if (kind === "c") completed.set(value.slice(0, SHORT_LENGTH), `${name} ${value} 0`);
        if (kind === "r") leaseEnds.push(score);
      }
    }
  }
  return { records, entries, completed, leaseEnds, leased };
}

function entriesOf(id: string, record: string, there: ReadonlySet<string>, completed: string | undefined): string[] {
  const [head = "", plan = "", ...payload] = record.split("\n");
  const isNew = head.startsWith("n");
  const [standing = "", endedAt, flags = "", , , , , , ...kind] = isNew ? ["p"] : head.split(" ");
  const [task = "", version = "1", lane = task] = isNew ? head.slice(1).split(" ") : kind;
  const [status, token] = [standing.slice(0, 1), standing.slice(1)];
  const [createdAt, , runAt = createdAt] = plan.replace(/ t.*$/, "").split(" ");
  const also = [`t ${task}`, ...[...flags.replace("-", "")].map((flag) => flag + id)];
  if (payload.join("") === "") also.push(`p${id}`);
  if (status === "p") {
    const line = `l${lane} ${id} 0`;
    return there.has(line) ? [line, ...also] : [`w${lane} ${id} ${runAt}`, `q${task} ${id} 0`, ...also];
  }
  if (status !== "r") return [`${status}${task} ${id} 0`, `F ${id} ${endedAt}`, ...also];
  if (completed === undefined) return [`r${version}:${task} ${id}${token}`, ...also];
  if (/ .{21}\d+@ 0$/.test(completed)) also.push(`o${id}`);
  return [completed, `C ${id}`, ...also];
}

/** Whether the entry is a hash of notes: a record's flag may outlive it, since Redis removes a hash with its last field. */
function isNote(entry: string): boolean {
  return entry.startsWith("h");
}
