import type { SettleAnswer, Settlement } from "../../core/store.ts";
import { CODE_OF, INLINE } from "./fields.ts";
import { ENDED, PRELUDE, RECORDS, REMEMBER, REPORT, WAIT, WAKE } from "./prelude.ts";
import { Runs, reportArguments, TokenNumbers } from "./report.ts";
import { type Script, script } from "./script.ts";
import { shortenAll } from "./short-id.ts";

/**
 * Ends attempts. Guard: the job is running under this token; else the end of the attempt that ended last tells the answer.
 *
 * - Arguments: how many tokens, and each; the ids of all settlements in one text; then, in front of as many as are alike,
 *   their count, the token's number and what the jobs become (`c` `f` `p`) with flags behind, and for `l` their results,
 *   one a line; of each then what the other flags call for, in this order: those of a report, `e` the failure, `o` the
 *   result, `d` the delay; `u` uncounted and `z` a loss call for nothing.
 * - Returns: a letter for each settlement, `s`ettled, `x` cancelled or `l`ost.
 */
export const SETTLE: Script = script(
  "settle",
  PRELUDE,
  RECORDS,
  ENDED,
  REPORT,
  REMEMBER,
  WAIT,
  WAKE,
  `
relieve()
local now, stamp = clock(call)
local tokens = {}
for number = 1, tonumber(take()) do tokens[number] = take() end
local ids = takeIds()
load(ids)

-- Fails before anything is written where a key is not ours.
fit(base .. 'C', 'LLEN')
fit(base .. 'F')
local function prepare(head)
  for _, kind in ipairs({ 'f', 'q' }) do fit(base .. kind .. head.task) end
  fit(base .. 'w' .. head.lane)
  head.held, head.completed = listOf(drops, head.running), listOf(adds, base .. 'c' .. head.task)
  head.completedBy, head.done, head.tail = {}, 'c' .. head.token .. ' ' .. stamp .. ' ', ' ' .. headTail(head)
end

local lanes, answers, finished, completed = {}, {}, {}, {}

-- The results of the settlements that are alike.
local lines, lineAt
local function nextLine()
  local stop = find(lines, '\\n', lineAt, true)
  local line = sub(lines, lineAt, stop - 1)
  lineAt = stop + 1
  return line
end

-- The first line of a completed job, up to a result that lies with it.
local function completedHead(head, size)
  local text = head.completedBy[size]
  if not text then
    text = head.done .. size .. head.tail
    head.completedBy[size] = text
  end
  return text
end

-- All but a result that lies with the record.
local function settle(id, head, at, token, to, flags)
  local function isSaid(flag) return find(flags, flag, 1, true) end
  local record = records[id]
  local plan, payloadAt = planOf(record, at)
  local body = sub(record, at)
  local new = { status = to, token = token, done = stamp, flags = report(id, flags, head.flags) }
  if isSaid('e') then
    remember(id, head.attempts, head.worker, textOf(head.first + head.since), stamp, take())
    new.flags = withFlag(new.flags, 'a')
  end
  if isSaid('o') or isSaid('l') then
    local result = isSaid('l') and nextLine() or take()
    if #result <= ${INLINE} then
      new.result, body = #result, body .. result
    else
      new.result = '@'
      call('SET', base .. 'o' .. id, result)
    end
  end
  local delay, isLoss = isSaid('d') and tonumber(take()), isSaid('z')
  if isSaid('u') then new.attempts = textOf(head.attempts - 1) end
  if plan and (isLoss or delay) then
    local due, losses = delay and now + delay or plan.due, isLoss and plan.losses + 1 or plan.losses
    body = planText(plan.created, plan.retries, due, plan.limit, losses, plan.trace) .. sub(body, payloadAt - at + 1)
  end
  if to == 'p' then
    new.token, new.done, new.ended = '', '0', 'p' .. token
    wait(id, head.task, head.lane, delay and now + delay or plan and plan.due or now)
    lanes[head.lane] = (lanes[head.lane] or 0) + 1
  elseif to == 'f' then
    finished[#finished + 1] = id
    add(base .. 'f' .. head.task, '0', id)
    add(base .. 'F', stamp, id)
  else
    push(completed, id)
    pushPair(head.completed, '0', id)
  end
  write(id, headWith(head, new) .. body)
end

local alike, token, to, flags = 0, nil, nil, nil
for number = 1, #ids do
  local id = ids[number]
  if alike == 0 then
    alike, token, flags = tonumber(take()), tokens[tonumber(take())], take()
    to, flags = sub(flags, 1, 1), sub(flags, 2)
    if find(flags, 'l', 1, true) then lines, lineAt = take(), 1 end
  end
  alike = alike - 1
  local record = records[id]
  local head, at = headOf(record)
  if head and head.status == 'r' and head.token == token then
    if not head.held then prepare(head) end
    push(head.held, id)
    answers[number] = 's'
    if to == 'c' and flags == 'l' then
      local result = nextLine()
      write(id, completedHead(head, #result) .. sub(record, at) .. result)
      push(completed, id)
      pushPair(head.completed, '0', id)
    else
      settle(id, head, at, token, to, flags)
    end
  else
    skip(flags)
    for letter in string.gmatch(flags, '[eodl]') do
      if letter == 'l' then nextLine() else take() end
    end
    local ended = endOf(head, token)
    answers[number] = ended == 'x' and 'x' or ended == to and 's' or 'l'
  end
end
save()
move()
each('RPUSH', { [base .. 'C'] = completed })
wake(lanes, now)
local ended = table.concat(completed) .. table.concat(finished)
if ended ~= '' then call('PUBLISH', base .. '!finished', ended) end
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, SettleAnswer>> = { s: "settled", x: "cancelled", l: "lost" };

export function settleArguments(settlements: readonly Settlement[]): string[] {
  const tokens = new TokenNumbers();
  const runs = new Runs();
  const called: string[] = [];
  for (const { token, to, patch, failure, result, delayMs, isUncounted, isLoss } of settlements) {
    called.length = 0;
    let flags = CODE_OF[to];
    if (patch !== null) flags += reportArguments(called, patch);
    if (failure !== null) {
      flags += "e";
      called.push(JSON.stringify(failure));
    }
    let line: string | undefined;
    if (result !== null && to === "completed") {
      if (isLine(result)) {
        flags += "l";
        line = result;
      } else {
        flags += "o";
        called.push(result);
      }
    }
    if (to === "pending" && delayMs !== null) {
      flags += "d";
      called.push(String(delayMs));
    }
    if (isUncounted) flags += "u";
    if (isLoss) flags += "z";
    runs.add(tokens.of(token), flags, called, line);
  }
  const ids = shortenAll(settlements.map((settlement) => settlement.id));
  return tokens.list.concat(ids, runs.list);
}

/** Whether a result can be told among others in one text, which costs less, and is short enough to lie with its record. */
function isLine(result: string): boolean {
  // No character takes more bytes than three for each of its units.
  return 3 * result.length <= INLINE && !result.includes("\n");
}

export function settleAnswers(reply: string): SettleAnswer[] {
  return Array.from(reply, (letter) => ANSWERS[letter] as SettleAnswer);
}
