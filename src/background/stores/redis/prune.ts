import type { PruneRequest, Retention } from "../../core/store.ts";
import { ORDER, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { SHORT_LENGTH } from "./short-id.ts";

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

-- What became of many of a task at once: those that are the oldest mostly have ids that are neighbours.
local function foresee(ids)
  local spans = {}
  for _, id in ipairs(ids) do
    local head = headOf(records[id])
    if head then
      local span = spans[head.task] or { first = id, size = 0 }
      span.last, span.size = id, span.size + 1
      spans[head.task] = span
    end
  end
  for task, span in pairs(spans) do
    local page = pcall('ZRANGEBYLEX', base .. 'c' .. task, '[' .. span.first, '(' .. span.last .. ':', 'LIMIT', 0, 2 * span.size)
    for _, member in ipairs(page) do outcomes[sub(member, 1, ${SHORT_LENGTH})] = sub(member, ${SHORT_LENGTH + 1}) end
  end
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

-- Of the failed and cancelled there is an index by time, then id.
local failed = {
  count = function() return call('ZCARD', base .. 'F') end,
  oldest = function() return tonumber(call('ZRANGE', base .. 'F', 0, 0, 'WITHSCORES')[2]) end,
  page = function(from)
    local ids = call('ZRANGE', base .. 'F', from, from + 99)
    load(ids)
    return ids
  end,
  arrange = function() end,
  keep = function() end,
}

-- The completed stand as they came. A page of them are those of one moment, which are in no order.
local completed = { ahead = {}, at = 1, read = 0, kept = {}, seen = 0 }
function completed.count() return call('LLEN', base .. 'C') end
function completed.oldest()
  local ids = call('LRANGE', base .. 'C', 0, 0)
  load(ids)
  return ids[1] and endedAt(ids[1])
end
function completed.next()
  if completed.at > #completed.ahead then
    local ids = call('LRANGE', base .. 'C', completed.read, completed.read + 99)
    load(ids)
    foresee(ids)
    completed.ahead, completed.at, completed.read = ids, 1, completed.read + #ids
  end
  return completed.ahead[completed.at]
end
function completed.page()
  local ids, time, id = {}, nil, completed.next()
  while id and #ids < 10000 and (not time or endedAt(id) == time) do
    ids[#ids + 1], time, completed.at = id, endedAt(id), completed.at + 1
    id = completed.next()
  end
  completed.seen = completed.seen + #ids
  return ids
end
function completed.arrange(ids) table.sort(ids, isBefore) end
function completed.keep(id) completed.kept[#completed.kept + 1] = id end
function completed.write()
  call('LTRIM', base .. 'C', completed.seen, -1)
  local back = {}
  for at = #completed.kept, 1, -1 do back[#back + 1] = completed.kept[at] end
  many('LPUSH', base .. 'C', back)
end

local function remove(id)
  local record = records[id]
  local head, at = headOf(record)
  gone[#gone + 1] = base .. 'j' .. id
  removed = removed + 1
  if not head then
    drop(base .. 'F', id)
    return
  end
  local _, payloadAt = planOf(record, at)
  if not payloadAt or payloadAt > #record then gone[#gone + 1] = base .. 'p' .. id end
  for flag in string.gmatch(head.flags, '%a') do gone[#gone + 1] = base .. flag .. id end
  local outcome = outcomeOf(id, head)
  if outcome then
    if find(outcome, '^%d+@') then gone[#gone + 1] = base .. 'o' .. id end
    drop(base .. 'c' .. head.task, id .. outcome)
  else
    drop(base .. 'F', id)
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
    at = at + #ids
    -- Where all of them are to go, their order is of no matter.
    local isAll = removed + #ids <= limit and (tooMany >= #ids or isOld(ids[1] and endedAt(ids[1])))
    if not isAll then index.arrange(ids) end
    isOver = #ids == 0
    for _, id in ipairs(ids) do
      isOver = isOver or removed >= limit or (tooMany <= 0 and not isOld(endedAt(id)))
      if not isOver then tooMany = tooMany - 1 end
      if isOver or isHeld(id) then index.keep(id) else remove(id) end
    end
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
