import type { HeartbeatRequest, HeldAnswer } from "../../core/store.ts";
import { AttemptArguments } from "./attempt-arguments.ts";
import { answersIn } from "./letters.ts";
import { FLOOR } from "./lost.ts";
import { HEADS, HELD, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
import { REPORT, reportArguments } from "./report.ts";
import { type Script, script } from "./script.ts";

/**
 * Renews leases, stores reports, and records that a worker is alive. Guard: the job is running under this token.
 *
 * - Arguments: the worker's id, how long it counts as alive (0: it leaves), what it reports about itself, the lease; the
 *   number of tokens, and each; the ids of all beats concatenated; then for each run of equal beats its length, the number
 *   of the token and the flags, followed by each beat's arguments for those flags.
 * - Returns: a letter for each beat, `h`eld, `x` cancelled or `l`ost.
 */
export const HEARTBEAT: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  FLOOR,
  OUTCOME,
  HELD,
  REPORT,
  `
relieve()
local now = clock(call)
local worker, presence, about, lasts = take(), tonumber(take()), take(), tonumber(take())
fit(base .. 'G')
fit(base .. 'P', 'HLEN')
call('HSET', base .. 'P', worker, about)
call('ZADD', base .. 'G', now + presence, worker)
local gone = call('ZRANGEBYSCORE', base .. 'G', '-inf', now, 'LIMIT', 0, 1000)
if #gone > 0 then
  call('HDEL', base .. 'P', unpack(gone))
  call('ZREM', base .. 'G', unpack(gone))
end

local endsAt, tokens, answers = textOf(now + lasts), {}, {}
for number = 1, tonumber(take()) do tokens[number] = take() end
local ids = takeIds()
load(ids)
-- What can fail comes before the first report: a worker sends the log lines of a refused call again.
local floor = readFloor()
for _, id in ipairs(ids) do
  local head = headOf(records[id])
  if head then fit(head.running) end
end

local alike, token, flags = 0, nil, nil
for number = 1, #ids do
  if alike == 0 then alike, token, flags = tonumber(take()), tokens[tonumber(take())], take() end
  alike = alike - 1
  local id = ids[number]
  local head, at = headOf(records[id])
  if isHeldBy(id, head, token) then
    local after = report(id, flags, head.flags)
    if after ~= head.flags then
      write(id, headWith(head, { flags = after }) .. sub(records[id], at))
    end
    pushPair(leasesOf(head.running), endsAt, id .. token)
    answers[number] = 'h'
  else
    skip(flags)
    answers[number] = endOf(id, head, token) == 'x' and 'x' or 'l'
  end
end
save()
move()
lower(floor, now + lasts)
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, HeldAnswer>> = { h: "held", x: "cancelled", l: "lost" };

export function heartbeatArguments({ worker, presenceMs, leaseMs, beats }: HeartbeatRequest): string[] {
  const attempts = new AttemptArguments();
  for (const { id, token, patch } of beats) {
    const reported: string[] = [];
    const flags = patch === null ? "" : reportArguments(reported, patch);
    attempts.add(id, token, flags, reported);
  }
  const { id, ...about } = worker;
  return [id, String(presenceMs), JSON.stringify(about), String(leaseMs)].concat(attempts.list);
}

export function heldAnswers(reply: string, count: number): HeldAnswer[] {
  return answersIn(reply, count, ANSWERS);
}
