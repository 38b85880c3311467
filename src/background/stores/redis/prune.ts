import type { PruneRequest, Retention } from "../../core/store.ts";
import { ORDER, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
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
  ORDER,
  RECORDS,
  OUTCOME,
  `
relieve()
local now = clock(call)
local limit = tonumber(take())
local removed, gone, touched = 0, {}, {}
fit(base .. 'C', 'LLEN')
call('ZREMRANGEBYSCORE', base .. 'H', '-inf', now)
local isAnyHeld = call('ZCARD', base .. 'H') > 0

local function isHeld(id)
  return isAnyHeld and call('ZSCORE', base .. 'H', id)
end

local ends = {}
local function endedAt(id)
  if not ends[id] then
    local head = headOf(records[id])
    local outcome = outcomeOf(id, head)
    ends[id] = tonumber(outcome and string.match(outcome, '^%d+') or head and head.done) or 0
  end
  return ends[id]
end

local function isOlder(a, b)
  local first, second = endedAt(a), endedAt(b)
  if first ~= second then return first < second end
  return isBefore(a, b)
end

-- Of the failed and cancelled there is an index by time, then id.
local failed = {
  count = function() return call('ZCARD', base .. 'F') end,
  oldest = function() return tonumber(call('ZRANGE', base .. 'F', 0, 0, 'WITHSCORES')[2]) end,
  page = function(from) return call('ZRANGE', base .. 'F', from, from + 99) end,
  keep = function() end,
}

-- The completed stand as they came, and those of one moment have to be put in order.
local completed = { kept = {}, seen = 0 }
function completed.count() return call('LLEN', base .. 'C') end
function completed.oldest()
  local ids = call('LRANGE', base .. 'C', 0, 0)
  load(ids)
  return ids[1] and endedAt(ids[1])
end
function completed.page(from)
  local ids = call('LRANGE', base .. 'C', from, from + 99)
  load(ids)
  local isWhole = #ids < 100
  while not isWhole and #ids < 10000 do
    local more = call('LRANGE', base .. 'C', from + #ids, from + #ids + 99)
    load(more)
    isWhole = #more < 100
    for _, id in ipairs(more) do
      if endedAt(id) ~= endedAt(ids[#ids]) then
        isWhole = true
        break
      end
      ids[#ids + 1] = id
    end
  end
  for at = 2, #ids do
    if isOlder(ids[at], ids[at - 1]) then
      table.sort(ids, isOlder)
      break
    end
  end
  completed.seen = completed.seen + #ids
  return ids
end
function completed.keep(id) completed.kept[#completed.kept + 1] = id end
function completed.write()
  call('LTRIM', base .. 'C', completed.seen, -1)
  for at = #completed.kept, 1, -1 do call('LPUSH', base .. 'C', completed.kept[at]) end
end

local function remove(id)
  local record = records[id]
  local head, at = headOf(record)
  gone[#gone + 1] = base .. 'j' .. id
  removed = removed + 1
  drop(base .. 'F', id)
  if not head then return end
  local _, payloadAt = planOf(record, at)
  if not payloadAt or payloadAt > #record then gone[#gone + 1] = base .. 'p' .. id end
  for flag in string.gmatch(head.flags, '%a') do gone[#gone + 1] = base .. flag .. id end
  local outcome = outcomeOf(id, head)
  if outcome then
    if find(outcome, '^%d+@') then gone[#gone + 1] = base .. 'o' .. id end
    drop(base .. 'c' .. head.task, id .. outcome)
  else
    drop(base .. head.status .. head.task, id)
  end
  touched[head.task] = true
end

for _, index in ipairs({ completed, failed }) do
  local age, keep = tonumber(take()), tonumber(take())
  local tooMany = keep and index.count() - keep or 0
  local function isOld(time) return age and time and time < now - age end
  -- Mostly there is nothing to do, which the oldest one tells.
  local at, before, isOver = 0, removed, removed >= limit or (tooMany <= 0 and not isOld(age and index.oldest()))
  while not isOver do
    local ids = index.page(at)
    load(ids)
    at = at + #ids
    if #ids < 100 then isOver = true end
    local isPast = false
    for _, id in ipairs(ids) do
      isPast = isPast or removed >= limit or (tooMany <= 0 and not isOld(endedAt(id)))
      if not isPast then tooMany = tooMany - 1 end
      if isPast or isHeld(id) then index.keep(id) else remove(id) end
    end
    isOver = isOver or isPast
  end
  if index == completed and removed > before then completed.write() end
end
for from = 1, #gone, 1000 do call('UNLINK', unpack(gone, from, math.min(from + 999, #gone))) end
move()
for task in pairs(touched) do
  local jobs, running = 0, {}
  for letter in string.gmatch('lqcfx', '.') do jobs = jobs + call('ZCARD', base .. letter .. task) end
  for _, version in ipairs(call('SMEMBERS', base .. 'v')) do
    running[#running + 1] = base .. 'r' .. version .. ':' .. task
    jobs = jobs + call('ZCOUNT', running[#running], '-inf', '(+inf')
  end
  if jobs == 0 then
    call('SREM', base .. 't', task)
    call('DEL', unpack(running))
  end
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
