import type { NextJob } from "../../core/store.ts";
import { HEADS, ORDER, PLANS, PRELUDE, RECORDS } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { lengthen } from "./short-id.ts";

/**
 * The first jobs of lanes: of each, the first of its line or of its other pending jobs.
 *
 * - Arguments: the lanes.
 * - Returns: the time; for each lane the job's id and when it is due, both empty if none waits.
 */
export const NEXT: Script = script(
  PRELUDE,
  ORDER,
  RECORDS,
  HEADS,
  PLANS,
  `
local _, stamp = clock(pcall)
local lanes, ids = {}, {}
while place < #ARGV do
  local name = take()
  local id = call('ZRANGE', base .. 'l' .. name, 0, 0)[1]
  push(lanes, { id = id, late = call('ZRANGE', base .. 'w' .. name, 0, 0, 'WITHSCORES') })
  if id then push(ids, id) end
end
load(ids)

local answers = {}
for _, lane in ipairs(lanes) do
  local id, lateId, lateDue = lane.id, lane.late[1], lane.late[2]
  local record = id and records[id]
  local head, planAt = headOf(record)
  local plan = head and planOf(record, planAt)
  local isLate = lateId and (not plan or tonumber(lateDue) < plan.due or tonumber(lateDue) == plan.due and isBefore(lateId, id))
  if isLate then
    pushPair(answers, lateId, lateDue)
  else
    pushPair(answers, plan and id or '', plan and textOf(plan.due) or '')
  end
end
return { stamp, answers }
`,
);

export type NextReply = readonly [now: string, answers: readonly string[]];

export function nextAnswers([now, answers]: NextReply): (NextJob | null)[] {
  return Array.from({ length: answers.length / 2 }, (_, lane) => {
    const [id, due] = [answers[2 * lane] as string, answers[2 * lane + 1]];
    return id === "" ? null : { id: lengthen(id), waitMs: Number(now) - Number(due) };
  });
}
