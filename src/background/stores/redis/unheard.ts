import type { ClaimRequest } from "../../core/store.ts";
import { HEADS, PRELUDE, RECORDS } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { SHORT_LENGTH } from "./short-id.ts";
import { wordOf } from "./words.ts";

/** A claim that was sent, and whose answer never came; or an offer, of which no message came either. */
export interface UnheardClaim extends Pick<ClaimRequest, "token" | "leaseMs"> {
  /** In milliseconds, by the clock that `due` is asked by. */
  readonly sentAt: number;
}

interface Remembered extends UnheardClaim {
  dueAt: number;
  looksLeft: number;
}

/** Claims that are remembered, the latest: more than two seldom fail together. */
const MOST = 20;
/** How often one is looked for, once a second: the network may hold it up, so that it reaches the server after the first look. */
const LOOKS = 10;
const LOOK_EVERY_MS = 1_000;

/**
 * The claims of this process whose answers were never heard. What they took nobody runs: it is handed back, before it counts
 * against jobs that never began that their worker was lost.
 */
export class Unheard {
  #claims: Remembered[] = [];

  add(claim: UnheardClaim): void {
    this.#claims = [...this.#claims.slice(1 - MOST), { ...claim, dueAt: claim.sentAt, looksLeft: LOOKS }];
  }

  /** Those to look for now; no other call is told of them meanwhile. */
  due(now: number): readonly UnheardClaim[] {
    if (this.#claims.length === 0) return [];
    const due = this.#claims.filter(({ dueAt }) => dueAt <= now);
    for (const claim of due) claim.dueAt = now + LOOK_EVERY_MS;
    return due;
  }

  /** Whether what comes of it is handed back, and is for nobody here. */
  has(token: string): boolean {
    return this.#claims.some((claim) => claim.token === token);
  }

  /** It was looked for, and what it took is handed back, or there was nothing. */
  looked({ token }: UnheardClaim, isFound: boolean): void {
    for (const claim of this.#claims) if (claim.token === token) claim.looksLeft = isFound ? 0 : claim.looksLeft - 1;
    this.#claims = this.#claims.filter(({ looksLeft }) => looksLeft > 0);
  }
}

/** Leases of a task that are looked at; those of the claim are among the first, unless many were renewed at the same time. */
const LOOKED_AT = 5_000;
/** By how much the two clocks may differ in how long they say it has been. */
const SLACK_MS = 100;

/**
 * What a claim took to run, and nobody has renewed. A lost job that it brought back began before the claim did, and is left to its
 * lease: that its worker was lost still is to be counted. No guard: whether the claim has what it took, the settlement finds out.
 *
 * - Arguments: the claim's token and lease, and for how many milliseconds it has been there at most.
 * - Returns: the ids in one text.
 */
export const TAKEN: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  `
local now = clock(pcall)
local token, lasts, sentFor = take(), tonumber(take()), tonumber(take())
local from, versions = textOf(now + lasts - sentFor), call('SMEMBERS', base .. 'v')
local ids, ends, taken = {}, {}, {}
for _, task in ipairs(call('SMEMBERS', base .. 't')) do
  for _, version in ipairs(versions) do
    local page = call('ZRANGEBYSCORE', base .. 'r' .. version .. ':' .. task, from, '+inf', 'WITHSCORES', 'LIMIT', 0, ${LOOKED_AT})
    for at = 1, #page, 2 do
      if sub(page[at], ${SHORT_LENGTH + 1}) == token then
        push(ids, sub(page[at], 1, ${SHORT_LENGTH}))
        push(ends, tonumber(page[at + 1]))
      end
    end
  end
end
load(ids)
for number, id in ipairs(ids) do
  local head = headOf(records[id])
  if head and head.first + head.since + lasts == ends[number] then push(taken, id) end
end
return table.concat(taken)
`,
);

export function takenArguments({ token, leaseMs, sentAt }: UnheardClaim, lookedForAt: number): string[] {
  return [wordOf(token), String(leaseMs), String(Math.ceil(lookedForAt - sentAt) + SLACK_MS)];
}
