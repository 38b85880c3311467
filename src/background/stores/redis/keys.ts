import { createHash } from "node:crypto";

/**
 * The beginning of all keys of a queue: the escaped prefix, then a hash of the prefix in braces.
 *
 * Redis Cluster derives a key's slot from what is between its first braces
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags): the hash puts all keys of a
 * queue into one slot, whatever the prefix, even an empty one. The prefix comes first and readable, for access rules such
 * as `~myapp:*`. Its own braces are escaped, so that no two prefixes can share a key.
 *
 * A character follows that says what the key holds, then at most one name: a short id, a task or a lane.
 *
 * | | | |
 * |---|---|---|
 * | `j<id>` | string | a job: see `fields.ts` |
 * | `p<id>`, `o<id>` | strings | its payload and result, if they are stored separately |
 * | `h<id>` | hash | its notes |
 * | `a<id>`, `g<id>` | lists | its past attempts, its log lines |
 * | `l<lane>` | sorted set | the line: pending and due, by id, which is also the order of their due times |
 * | `w<lane>` | sorted set | all other pending jobs, by due time |
 * | `q<task>` | sorted set | the jobs of `w`, by id |
 * | `r<version>:<task>` | sorted set | running, as id and token, by the end of the lease; and one member that is not a job |
 * | `c<task>` | sorted set | completed, as id and outcome, by id |
 * | `f<task>`, `x<task>` | sorted sets | failed, cancelled, by id |
 * | `C` | list | completed, in the order in which they ended |
 * | `F` | sorted set | failed and cancelled, by the time at which they ended |
 * | `H` | sorted set | jobs kept from being pruned, by the time until which they are |
 * | `t`, `v` | sets | tasks that have jobs; record versions seen |
 * | `n`, `e` | strings | the latest time; a time before which no lease ends |
 * | `P`, `G` | hash, sorted set | the workers; when each counts as dead |
 * | `i<lane>`, `I` | sorted sets | stores whose worker waits for jobs of the lane, or of any lane, by the time until which that holds |
 * | `O<store>` | string | the offer of a waiting worker, or the job that it received: see `handover.ts` |
 * | `W` | string | written before replicas are asked what they have |
 *
 * And the channels `!<store>`, `!cancelled<database>` and `!finished<database>`: unlike keys, channels are shared by all databases.
 * Nothing is published on `!probe`: subscribing to it shows that a connection works.
 */
export function baseOf(prefix: string): string {
  const escaped = prefix.replace(/[{}%]|\p{Surrogate}/gu, (text) => `%${text.codePointAt(0)?.toString(16)}%`);
  const hash = createHash("sha256").update(escaped).digest("base64url").slice(0, 4);
  return `${escaped}{${hash}}:`;
}

/**
 * The keys that a script declares, and their number: two that never exist. While a cluster moves a slot, both nodes refuse a script
 * with two missing keys (`TRYAGAIN`), so that nothing runs until all keys have moved. A script with one key would run on a node
 * that has only part of the jobs, and what it wrote there would collide with keys that arrive later
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#multi-key-operations). The second key ends with the
 * number of the database, which a script cannot ask for.
 */
export function keysOf(base: string, database = 0): string[] {
  return ["2", base, `${base}-${database}`];
}
