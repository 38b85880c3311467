import { createHash } from "node:crypto";

/**
 * What all keys of a queue begin with: the prefix, escaped, then a hash of it in braces.
 *
 * Redis Cluster picks a key's slot by what stands between its first braces
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags): the hash puts all keys of a
 * queue into one, whatever the prefix is, the empty one too. The prefix stands in front of it in the clear, so that access
 * rules such as `~myapp:*` see it. Without braces of its own, no two prefixes can meet in one key.
 *
 * One character follows that says what the key holds, then at most one name, an id's short form or a task's or lane's:
 *
 * | | | |
 * |---|---|---|
 * | `j<id>` | string | a job: see `fields.ts` |
 * | `p<id>`, `o<id>` | strings | its payload and result, where they lie apart |
 * | `h<id>` | hash | its notes |
 * | `a<id>`, `g<id>` | lists | its past attempts, its log lines |
 * | `l<lane>` | sorted set | pending, all due: in the order of ids, which is that of their time as well |
 * | `w<lane>` | sorted set | pending, all others: by the time they are due |
 * | `q<task>` | sorted set | those of `w`, in the order of ids |
 * | `r<version>:<task>` | sorted set | running, the token behind the id: by the end of the lease; and one member that is no job |
 * | `c<task>` | sorted set | completed, each with what became of it behind the id: in the order of ids |
 * | `f<task>`, `x<task>` | sorted sets | failed, cancelled: in the order of ids |
 * | `C` | list | completed: as they ended |
 * | `F` | sorted set | failed and cancelled: by the time they ended |
 * | `H` | sorted set | held: by the time until then |
 * | `t`, `v` | sets | tasks that have jobs; record versions seen |
 * | `n`, `e` | strings | the latest time; a time before which no lease ends |
 * | `P`, `G` | hash, sorted set | the workers; when each is taken for gone |
 * | `i<lane>`, `I` | sorted sets | stores whose worker waits for jobs of the lane, of any; until when that holds |
 * | `O<store>` | string | what a worker that waits offers, or what came of it: see `handover.ts` |
 * | `W` | string | written before replicas are asked what they have |
 * | `D` | hash | what was found damaged |
 *
 * and the channels `!<store>`, `!cancelled<database>` and `!finished<database>`: channels are the server's, keys a database's.
 */
export function baseOf(prefix: string): string {
  const escaped = prefix.replace(/[{}%]|\p{Surrogate}/gu, (text) => `%${text.codePointAt(0)?.toString(16)}%`);
  const hash = createHash("sha256").update(escaped).digest("base64url").slice(0, 4);
  return `${escaped}{${hash}}:`;
}

/**
 * What a script says of its keys: how many, and two that are never there. While a cluster moves a slot from one node to another, both
 * refuse a script of two missing keys, with TRYAGAIN, so that nothing runs until all has moved. A script of one key would run where only
 * part of the jobs is, and what it made there would be in the way of what is yet to come, or be replaced by it
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#multi-key-operations). The second one says which
 * database it is, since a script cannot ask.
 */
export function keysOf(base: string, database = 0): string[] {
  return ["2", base, `${base}-${database}`];
}
