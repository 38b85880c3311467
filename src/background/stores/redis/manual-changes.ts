import type { CancelRequest, RetryRequest } from "../../core/store.ts";
import { answersIn } from "./letters.ts";
import { HEADS, OUTCOME, PLANS, PRELUDE, RECORDS, WAIT } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";
import { WAKE } from "./waiting-stores.ts";

/**
 * Cancels jobs. Guard: the job is pending or running, and of the task.
 *
 * - Arguments: for each job its id, its task (`+task`, or empty for any) and who cancels (`+name`, or empty).
 * - Returns: a digit for each job, 1 if it was cancelled.
 */
export const CANCEL: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  OUTCOME,
  WAIT,
  `
relieve()
local now, stamp = clock(call)
local ids, names, running, finished, answers = {}, {}, {}, {}, {}
for at = place + 1, #ARGV, 3 do ids[#ids + 1] = ARGV[at] end
load(ids)
while place < #ARGV do
  local id, task, by = take(), take(), take()
  local record = records[id]
  local head, at = headOf(record)
  local isUnderWay = head and (head.status == 'p' or head.status == 'r' and not outcomeOf(id, head))
  if isUnderWay and (task == '' or task == '+' .. head.task) then
    -- Keeps the token of the attempt that this ends, if one runs.
    local new = { status = 'x', done = stamp }
    if head.status == 'r' then
      drop(head.running, id .. head.token)
      running[#running + 1] = id
    else
      unwait(id, head.task, head.lane)
    end
    add(base .. 'x' .. head.task, '0', id)
    add(base .. 'F', stamp, id)
    if by ~= '' then
      pushPair(names, id, sub(by, 2))
      new.flags = withFlag(head.flags, 'h')
    end
    write(id, headWith(head, new) .. sub(record, at))
    finished[#finished + 1] = id
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
save()
move()
for at = 1, #names, 2 do pcall('HSET', base .. 'h' .. names[at], 'y', names[at + 1]) end
if #running > 0 then publish('cancelled', table.concat(running)) end
if #finished > 0 then publish('finished', table.concat(finished)) end
return table.concat(answers)
`,
);

/**
 * Makes jobs pending again with a fresh number of retries. Guard: the job is failed or cancelled, and of the task.
 *
 * - Arguments: for each job its id and its task (`+task`, or empty for any).
 * - Returns: a digit for each job, 1 if it became pending.
 */
export const RETRY: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  PLANS,
  WAIT,
  WAKE,
  `
local now = clock(call)
fit(base .. 'F')
local ids, lanes, answers, noted = {}, {}, {}, {}
for at = place + 1, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
load(ids)
while place < #ARGV do
  local id, task = take(), take()
  local record = records[id]
  local head, at = headOf(record)
  if head and (head.status == 'f' or head.status == 'x') and (task == '' or task == '+' .. head.task) then
    fit(base .. 'w' .. head.lane)
    fit(base .. 'q' .. head.task)
    drop(base .. head.status .. head.task, id)
    drop(base .. 'F', id)
    local new = { status = 'p', token = '', done = '0' }
    -- Keeps how the last attempt ended, for whoever still holds its token.
    if head.token ~= '' then new.ended = head.status .. head.token end
    if find(head.flags, 'h', 1, true) then push(noted, id) end
    local plan, payloadAt = planOf(record, at)
    local body = sub(record, at)
    if plan then
      local limit = head.attempts + plan.retries + 1
      body = planText(plan.created, plan.retries, now, limit, 0, plan.trace) .. sub(record, payloadAt)
    end
    write(id, headWith(head, new) .. body)
    wait(id, head.task, head.lane, now)
    lanes[head.lane] = (lanes[head.lane] or 0) + 1
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
save()
move()
for _, id in ipairs(noted) do pcall('HDEL', base .. 'h' .. id, 'y') end
wake(lanes, now)
return table.concat(answers)
`,
);

export function cancelArguments(requests: readonly CancelRequest[]): string[] {
  return requests.flatMap(({ id, task, by }) => [shorten(id), behindPlus(task), behindPlus(by)]);
}

export function retryArguments(requests: readonly RetryRequest[]): string[] {
  return requests.flatMap(({ id, task }) => [shorten(id), behindPlus(task)]);
}

const ANSWERS: Readonly<Record<string, boolean>> = { "1": true, "0": false };

export function changeAnswers(reply: string, count: number): boolean[] {
  return answersIn(reply, count, ANSWERS);
}

/** Distinguishes an empty text from none. */
function behindPlus(text: string | null): string {
  return text === null ? "" : `+${text}`;
}
