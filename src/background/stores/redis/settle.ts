import type { SettleAnswer, Settlement } from "../../core/store.ts";
import { CODE_OF } from "./fields.ts";
import { ENDED, PRELUDE, REMEMBER, REPORT, WAIT, WAKE } from "./prelude.ts";
import { reportArguments, TokenNumbers } from "./report.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";

/**
 * Ends attempts. Guard: the job is running under this token; else the end of the attempt that ended last tells the answer.
 *
 * - Arguments: how many tokens, and each; then of each settlement the id, the token's number, what the job becomes
 *   (`c` `f` `p`) with flags behind, and what they call for, in this order: those of a report, `e` the failure, `o` the
 *   result, `d` the delay; `u` uncounted and `z` a loss call for nothing.
 * - Returns: a letter for each settlement, `s`ettled, `x` cancelled or `l`ost.
 */
export const SETTLE: Script = script(
  "settle",
  PRELUDE,
  ENDED,
  REPORT,
  REMEMBER,
  WAIT,
  WAKE,
  `
relieve()
local now = clock(call)
local tokens = {}
for number = 1, tonumber(take()) do tokens[number] = take() end

-- Fails before anything is written where a key is not ours.
fit(base .. 'C')
fit(base .. 'F')
local isKnown = {}
local function check(shelf)
  isKnown[shelf] = true
  fit(shelf.running)
  for _, kind in ipairs({ 'c', 'f', 'q' }) do fit(base .. kind .. shelf[1]) end
  fit(base .. 'w' .. shelf[3])
end

local lanes, finished, answers, number = {}, {}, {}, 0
while place < #ARGV do
  local id, token, flags = take(), tokens[tonumber(take())], take()
  local to = string.sub(flags, 1, 1)
  local job = fields(id, 's', 'k', 'e')
  number = number + 1
  if job and job[1] == 'r' .. token and job[2] then
    local shelf = placeOf(job[2])
    if not isKnown[shelf] then check(shelf) end
    local key, task = base .. 'j' .. id, shelf[1]
    drop(shelf.running, id)
    answers[number] = 's'
    if flags == 'co' and #ARGV[place + 1] <= 64 then
      call('HSET', key, 's', 'c' .. token, 'd', now, 'o', take())
    else
      local set = { 'HSET', key, 's', to .. token }
      local function has(flag) return string.find(flags, flag, 2, true) end
      report(id, flags, set)
      if has('e') then
        local past = fields(id, 'a', 'w')
        local attempts, _, latest = attemptsOf(past[1])
        remember(id, attempts, past[2], latest, now, take())
        set[#set + 1], set[#set + 2] = 'x', 1
      end
      if has('o') then
        local result = take()
        if to == 'c' and #result <= 64 then
          set[#set + 1], set[#set + 2] = 'o', result
        elseif to == 'c' then
          call('SET', base .. 'o' .. id, result)
        end
      end
      local delay = has('d') and tonumber(take())
      local isLoss = has('z')
      if has('u') then
        local attempts, first, latest = attemptsOf(fields(id, 'a')[1])
        set[#set + 1], set[#set + 2] = 'a', string.format('%.0f %.0f %.0f', attempts - 1, first, latest - first)
      end
      if isLoss or to == 'p' then
        local created, retries, due, limit, losses = planOf(fields(id, 'c')[1] or '')
        if delay then due = now + delay end
        if isLoss then losses = losses + 1 end
        if isLoss or delay then
          set[#set + 1], set[#set + 2] = 'c', planText(created, retries, due, limit, losses)
        end
        if to == 'p' then
          set[4] = 'p'
          set[#set + 1], set[#set + 2] = 'e', 'p' .. token
          wait(id, task, shelf[3], due)
          lanes[shelf[3]] = (lanes[shelf[3]] or 0) + 1
        end
      end
      if to ~= 'p' then set[#set + 1], set[#set + 2] = 'd', now end
      call(unpack(set))
    end
    if to ~= 'p' then
      add(base .. to .. task, 0, id)
      add(to == 'c' and base .. 'C' or base .. 'F', now, id)
      finished[#finished + 1] = id
    end
  else
    skip(flags)
    for _, flag in ipairs({ 'e', 'o', 'd' }) do
      if string.find(flags, flag, 2, true) then take() end
    end
    local ended = endOf(job, token)
    answers[number] = ended == 'x' and 'x' or ended == to and 's' or 'l'
  end
end
move()
wake(lanes, now)
if #finished > 0 then call('PUBLISH', base .. '!finished', table.concat(finished)) end
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, SettleAnswer>> = { s: "settled", x: "cancelled", l: "lost" };

export function settleArguments(settlements: readonly Settlement[]): string[] {
  const tokens = new TokenNumbers();
  const items: string[] = [];
  for (const settlement of settlements) {
    const { id, token, to, patch, failure, result, delayMs } = settlement;
    items.push(shorten(id), tokens.of(token), "");
    const flagsAt = items.length - 1;
    let flags = `${CODE_OF[to]}${reportArguments(items, patch)}`;
    if (failure !== null) {
      flags += "e";
      items.push(JSON.stringify(failure));
    }
    if (result !== null) {
      flags += "o";
      items.push(result);
    }
    if (to === "pending" && delayMs !== null) {
      flags += "d";
      items.push(String(delayMs));
    }
    if (settlement.isUncounted) flags += "u";
    if (settlement.isLoss) flags += "z";
    items[flagsAt] = flags;
  }
  return tokens.list.concat(items);
}

export function settleAnswers(reply: string): SettleAnswer[] {
  return Array.from(reply, (letter) => ANSWERS[letter] as SettleAnswer);
}
