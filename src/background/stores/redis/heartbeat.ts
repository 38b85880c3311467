import type { HeartbeatRequest, HeldAnswer } from "../../core/store.ts";
import { ENDED, FLOOR, PRELUDE, REPORT } from "./prelude.ts";
import { reportArguments, TokenNumbers } from "./report.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";

/**
 * Renews leases, writes down reports, and shows that a worker lives. Guard: the job is running under this token.
 *
 * - Arguments: the worker's id, for how long it is there (0: it leaves), what it says of itself, the lease; how many
 *   tokens, and each; then of each beat the id, the token's number, flags and what they call for.
 * - Returns: a letter for each beat, `h`eld, `x` cancelled or `l`ost.
 */
export const HEARTBEAT: Script = script(
  "heartbeat",
  PRELUDE,
  FLOOR,
  ENDED,
  REPORT,
  `
relieve()
local now = clock(call)
local worker, presence, about, lease = take(), tonumber(take()), take(), tonumber(take())
fit(base .. 'G')
fit(base .. 'P', 'HLEN')
if presence > 0 then
  call('HSET', base .. 'P', worker, about)
  call('ZADD', base .. 'G', now + presence, worker)
else
  call('ZADD', base .. 'G', 0, worker)
end
local gone = call('ZRANGEBYSCORE', base .. 'G', '-inf', now, 'LIMIT', 0, 1000)
if #gone > 0 then
  call('HDEL', base .. 'P', unpack(gone))
  call('ZREM', base .. 'G', unpack(gone))
end

local tokens = {}
for number = 1, tonumber(take()) do tokens[number] = take() end
local answers = {}
while place < #ARGV do
  local id, token, flags = take(), tokens[tonumber(take())], take()
  local job = fields(id, 's', 'k', 'e')
  if job and job[1] == 'r' .. token and job[2] then
    local to = { 'HSET', base .. 'j' .. id }
    report(id, flags, to)
    if #to > 2 then call(unpack(to)) end
    add(placeOf(job[2]).running, now + lease, id)
    answers[#answers + 1] = 'h'
  else
    skip(flags)
    answers[#answers + 1] = endOf(job, token) == 'x' and 'x' or 'l'
  end
end
move()
lower(now + lease)
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, HeldAnswer>> = { h: "held", x: "cancelled", l: "lost" };

export function heartbeatArguments({ worker, presenceMs, leaseMs, beats }: HeartbeatRequest): string[] {
  const tokens = new TokenNumbers();
  const items: string[] = [];
  for (const { id, token, patch } of beats) {
    const report: string[] = [];
    items.push(shorten(id), tokens.of(token), reportArguments(report, patch), ...report);
  }
  const { id: _, ...about } = worker;
  return [worker.id, String(presenceMs), JSON.stringify(about), String(leaseMs), ...tokens.list].concat(items);
}

export function heldAnswers(reply: string): HeldAnswer[] {
  return Array.from(reply, (letter) => ANSWERS[letter] as HeldAnswer);
}
