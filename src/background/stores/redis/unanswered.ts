import type { ClaimRequest } from "../../core/store.ts";
import { FLOOR } from "./lost.ts";
import { HEADS, PRELUDE, RECORDS } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { SHORT_LENGTH } from "./short-id.ts";
import { wordOf } from "./words.ts";

/** A claim that was sent and got no answer; or an offer for which no message came either. */
export interface UnansweredClaim extends Pick<ClaimRequest, "token" | "leaseMs"> {
  /** In milliseconds, by the same clock as the argument of `due`. */
  readonly sentAt: number;
}

interface Remembered extends UnansweredClaim {
  dueAt: number;
  looksLeft: number;
}

/** How many claims are remembered, the latest ones: more than two rarely fail together. */
const MAX_CLAIMS = 20;
/** How often its jobs are looked for: the network may delay a claim, so that it reaches the server after the first look. */
const LOOKS = 10;
const LOOK_EVERY_MS = 1_000;

/**
 * The claims of this process that got no answer. Nobody runs the jobs that they took: those are handed back, before their leases
 * expire, which would count as a lost worker against jobs that never started.
 */
export class UnansweredClaims {
  #claims: Remembered[] = [];

  add(claim: UnansweredClaim): void {
    this.#claims = [...this.#claims.slice(1 - MAX_CLAIMS), { ...claim, dueAt: claim.sentAt, looksLeft: LOOKS }];
  }

  /** The claims to look for now; no other call gets them for the next second. */
  due(now: number): readonly UnansweredClaim[] {
    if (this.#claims.length === 0) return [];
    const due = this.#claims.filter(({ dueAt }) => dueAt <= now);
    for (const claim of due) claim.dueAt = now + LOOK_EVERY_MS;
    return due;
  }

  /** Whether jobs of this claim are to be handed back, and not run here. */
  has(token: string): boolean {
    return this.#claims.some((claim) => claim.token === token);
  }

  /** Call after looking for a claim's jobs, with whether any were found and handed back. */
  looked({ token }: UnansweredClaim, isFound: boolean): void {
    for (const claim of this.#claims) if (claim.token === token) claim.looksLeft = isFound ? 0 : claim.looksLeft - 1;
    this.#claims = this.#claims.filter(({ looksLeft }) => looksLeft > 0);
  }
}

/** How many leases of a task are checked; those of the claim are among the first, unless many were renewed at the same time. */
const MAX_LEASES = 5_000;
/** By how much the two clocks may differ about the time that has passed, in milliseconds. */
const SLACK_MS = 100;

/**
 * Finds the jobs that a claim took to run and whose leases nobody has renewed. Lost jobs that it took over started before the claim,
 * and the loss of their worker has yet to be counted: their leases end now, so that the next claim takes them over. No guard: the
 * settlement that follows has it, or that claim.
 *
 * - Arguments: the claim's token and lease, and how many milliseconds ago it was sent at most.
 * - Returns: the ids concatenated.
 */
export const TAKEN: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  FLOOR,
  `
relieve()
local now, stamp = clock(call)
local floor = readFloor()
local token, lasts, sentFor = take(), tonumber(take()), tonumber(take())
local from, versions = textOf(now + lasts - sentFor), call('SMEMBERS', base .. 'v')
local ids, leases, taken = {}, {}, {}
for _, task in ipairs(call('SMEMBERS', base .. 't')) do
  for _, version in ipairs(versions) do
    local key = base .. 'r' .. version .. ':' .. task
    local page = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, ${MAX_LEASES})
    for at = 1, #page, 2 do
      if sub(page[at], ${SHORT_LENGTH + 1}) == token then
        push(ids, sub(page[at], 1, ${SHORT_LENGTH}))
        push(leases, { key = key, member = page[at], endsAt = tonumber(page[at + 1]) })
      end
    end
  end
end
load(ids)
for number, id in ipairs(ids) do
  local head, lease = headOf(records[id]), leases[number]
  if head and head.first + head.since + lasts == lease.endsAt then
    push(taken, id)
  else
    add(lease.key, stamp, lease.member)
    lower(floor, now)
  end
end
move()
return table.concat(taken)
`,
);

export function takenArguments({ token, leaseMs, sentAt }: UnansweredClaim, lookedForAt: number): string[] {
  return [wordOf(token), String(leaseMs), String(Math.ceil(lookedForAt - sentAt) + SLACK_MS)];
}
