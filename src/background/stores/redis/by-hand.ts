import type { CancelRequest, RetryRequest } from "../../core/store.ts";
import { PRELUDE, WAIT, WAKE } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";

/**
 * Ends jobs as cancelled. Guard: pending or running, and of the task.
 *
 * - Arguments: of each job its id, the task and who cancels, each behind a `+` or empty: any, nobody says.
 * - Returns: a digit for each job, 1 if it was cancelled.
 */
export const CANCEL: Script = script(
  "cancel",
  PRELUDE,
  WAIT,
  `
relieve()
local now = clock(call)
fit(base .. 'F')
local running, finished, answers = {}, {}, {}
while place < #ARGV do
  local id, task, by = take(), take(), take()
  local job = fields(id, 's', 'k')
  local status = job and job[2] and string.sub(job[1] or '', 1, 1)
  local shelf = status and placeOf(job[2])
  if (status == 'p' or status == 'r') and (task == '' or task == '+' .. shelf[1]) then
    fit(base .. 'x' .. shelf[1])
    fit(base .. 'l' .. shelf[3])
    -- What follows the letter is the token of the attempt that this ends, if one runs.
    local set = { 'HSET', base .. 'j' .. id, 's', 'x' .. string.sub(job[1], 2), 'd', now }
    if status == 'r' then
      drop(shelf.running, id)
      running[#running + 1] = id
    else
      unwait(id, shelf[1], shelf[3])
    end
    if by ~= '' then set[#set + 1], set[#set + 2] = 'y', string.sub(by, 2) end
    call(unpack(set))
    add(base .. 'x' .. shelf[1], 0, id)
    add(base .. 'F', now, id)
    finished[#finished + 1] = id
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
move()
if #running > 0 then call('PUBLISH', base .. '!cancelled', table.concat(running)) end
if #finished > 0 then call('PUBLISH', base .. '!finished', table.concat(finished)) end
return table.concat(answers)
`,
);

/**
 * Sends jobs back to pending with a new budget. Guard: failed or cancelled, and of the task.
 *
 * - Arguments: of each job its id and the task behind a `+`, or empty: any.
 * - Returns: a digit for each job, 1 if it is to be retried.
 */
export const RETRY: Script = script(
  "retry",
  PRELUDE,
  WAIT,
  WAKE,
  `
local now = clock(call)
fit(base .. 'F')
local lanes, answers = {}, {}
while place < #ARGV do
  local id, task = take(), take()
  local job = fields(id, 's', 'k', 'c', 'a')
  local status = job and job[2] and string.sub(job[1] or '', 1, 1)
  local shelf = status and placeOf(job[2])
  if (status == 'f' or status == 'x') and (task == '' or task == '+' .. shelf[1]) then
    local key, lane = base .. 'j' .. id, shelf[3]
    fit(base .. 'w' .. lane)
    fit(base .. 'q' .. shelf[1])
    drop(base .. status .. shelf[1], id)
    drop(base .. 'F', id)
    local created, retries = planOf(job[3] or '')
    local attempts = attemptsOf(job[4])
    call('HSET', key, 's', 'p', 'c', planText(created, retries, now, attempts + retries + 1, 0))
    -- The attempt that ended last is still known by its token.
    if #job[1] > 1 then call('HSET', key, 'e', job[1]) end
    call('HDEL', key, 'd', 'y')
    wait(id, shelf[1], lane, now)
    lanes[lane] = (lanes[lane] or 0) + 1
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
move()
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

export function handAnswers(reply: string): boolean[] {
  return Array.from(reply, (digit) => digit === "1");
}

/** Tells an empty text from none. */
function behindPlus(text: string | null): string {
  return text === null ? "" : `+${text}`;
}
