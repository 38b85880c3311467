import type { PruneRequest, Retention } from "../../core/store.ts";
import { PRELUDE } from "./prelude.ts";
import { type Script, script } from "./script.ts";

/**
 * Removes finished jobs, the oldest first. Guard: beyond what is kept, and held by nobody.
 *
 * - Arguments: the limit; for completed ones, then for failed and cancelled ones: the age in milliseconds and the count
 *   to keep, each empty for no bound.
 * - Returns: how many went.
 */
export const PRUNE: Script = script(
  "prune",
  PRELUDE,
  `
relieve()
local now = clock(call)
local limit = tonumber(take())
local removed, touched = 0, {}

local function remove(index, id, job)
  call('UNLINK', base .. 'j' .. id, base .. 'p' .. id, base .. 'o' .. id, base .. 'a' .. id, base .. 'g' .. id)
  drop(index, id)
  if job and job[2] and job[3] then
    local task = placeOf(job[2])[1]
    drop(base .. string.sub(job[3], 1, 1) .. task, id)
    touched[task] = true
  end
  removed = removed + 1
end

for _, index in ipairs({ base .. 'C', base .. 'F' }) do
  local age, keep = tonumber(take()), tonumber(take())
  local tooMany = keep and call('ZCARD', index) - keep or 0
  local at, isOver = 0, false
  while removed < limit and not isOver do
    local page = call('ZRANGE', index, at, at + 99, 'WITHSCORES')
    isOver = #page < 200
    for number = 1, #page, 2 do
      local isOld = age and tonumber(page[number + 1]) < now - age
      if removed >= limit or (tooMany <= 0 and not isOld) then
        isOver = true
        break
      end
      tooMany = tooMany - 1
      local job = fields(page[number], 'h', 'k', 's')
      if not job or not job[1] or tonumber(job[1]) <= now then remove(index, page[number], job) end
    end
    at = at + 100
  end
end
move()
for task in pairs(touched) do
  local jobs = 0
  for letter in string.gmatch('lqcfx', '.') do jobs = jobs + call('ZCARD', base .. letter .. task) end
  for _, version in ipairs(call('SMEMBERS', base .. 'v')) do jobs = jobs + call('ZCARD', base .. 'r' .. version .. ':' .. task) end
  if jobs == 0 then call('SREM', base .. 't', task) end
end
return removed
`,
);

export function pruneArguments({ completed, failed, limit }: PruneRequest): string[] {
  return [String(limit), ...boundsOf(completed), ...boundsOf(failed)];
}

function boundsOf({ ageMs, count }: Retention): string[] {
  return [ageMs === null ? "" : String(ageMs), count === null ? "" : String(count)];
}
