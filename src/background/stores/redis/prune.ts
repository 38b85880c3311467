import { MAX_HELD_PASSED } from "../../core/limits.ts";
import type { PruneRequest, Retention } from "../../core/store.ts";
import { HEADS, ORDER, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { SHORT_LENGTH } from "./short-id.ts";

/**
 * Removes finished jobs, the oldest first. Guard: the job is beyond what retention keeps, and nobody holds it.
 *
 * - Arguments: the limit; for completed jobs, then for failed and cancelled ones, the age in milliseconds and the count
 *   to keep, each empty for no bound.
 * - Returns: how many were removed.
 */
export const PRUNE: Script = script(
  PRELUDE,
  ORDER,
  RECORDS,
  HEADS,
  OUTCOME,
  `
relieve()
local now = clock(call)
local limit = tonumber(take())
local removed, gone, touched = 0, {}, {}
call('ZREMRANGEBYSCORE', base .. 'H', '-inf', now)
local isAnyHeld = call('ZCARD', base .. 'H') > 0

local function isHeld(id)
  return isAnyHeld and call('ZSCORE', base .. 'H', id)
end

-- Parses an outcome. Many jobs that completed at the same moment have the same one.
local details = {}
local function detailsOf(outcome)
  local detail = details[outcome]
  if not detail then
    local at, mark = string.match(outcome, '^(%d+)(.?)')
    detail = { at = tonumber(at), isApart = mark == '@' }
    details[outcome] = detail
  end
  return detail
end

-- Reads many outcomes at once, since the oldest jobs of a task mostly have neighbouring ids.
local function loadOutcomes(jobs)
  local spans = {}
  for _, job in ipairs(jobs) do
    if job.head then
      local span = spans[job.head.task]
      if not span then
        span = { first = job.id, size = 0 }
        spans[job.head.task] = span
      end
      span.last, span.size = job.id, span.size + 1
    end
  end
  for task, span in pairs(spans) do
    local page = pcall('ZRANGEBYLEX', base .. 'c' .. task, '[' .. span.first, '(' .. span.last .. ':', 'LIMIT', 0, 2 * span.size)
    for _, member in ipairs(page) do outcomes[sub(member, 1, ${SHORT_LENGTH})] = sub(member, ${SHORT_LENGTH + 1}) end
  end
end

local function jobsOf(ids)
  local keys, texts = read(ids)
  local jobs = {}
  for number = 1, #ids do
    jobs[number] = { id = ids[number], key = keys[number], text = texts[number], head = headOf(texts[number]) }
  end
  if #jobs > 1 then loadOutcomes(jobs) end
  for _, job in ipairs(jobs) do
    job.outcome = outcomeOf(job.id, job.head)
    job.endedAt = job.outcome and detailsOf(job.outcome).at or job.head and tonumber(job.head.done) or 0
  end
  return jobs
end

-- Failed and cancelled jobs have an index by time, then id.
local failed = {
  count = function() return call('ZCARD', base .. 'F') end,
  oldest = function() return tonumber(call('ZRANGE', base .. 'F', 0, 0, 'WITHSCORES')[2]) end,
  page = function(from) return jobsOf(call('ZRANGE', base .. 'F', from, from + 99)) end,
  arrange = function() end,
  keep = function() end,
}

-- Completed jobs are listed as they ended. A page is those of one millisecond, which are in no order among themselves.
local completed = { ahead = {}, at = 1, read = 0, kept = {}, seen = 0 }
function completed.count() return call('LLEN', base .. 'C') end
function completed.oldest()
  local first = jobsOf(call('LRANGE', base .. 'C', 0, 0))[1]
  return first and first.endedAt
end
function completed.next()
  if completed.at > #completed.ahead then
    completed.ahead, completed.at = jobsOf(call('LRANGE', base .. 'C', completed.read, completed.read + 99)), 1
    completed.read = completed.read + #completed.ahead
  end
  return completed.ahead[completed.at]
end
function completed.page()
  local jobs, job = {}, completed.next()
  local moment = job and job.endedAt
  while job and job.endedAt == moment and #jobs < 10000 do
    jobs[#jobs + 1], completed.at = job, completed.at + 1
    job = completed.next()
  end
  completed.seen = completed.seen + #jobs
  return jobs
end
function completed.arrange(jobs)
  table.sort(jobs, function(a, b) return isBefore(a.id, b.id) end)
end
function completed.keep(job) completed.kept[#completed.kept + 1] = job.id end
function completed.write()
  if #completed.kept == completed.seen then return end
  call('LTRIM', base .. 'C', completed.seen, -1)
  local back = {}
  for at = #completed.kept, 1, -1 do back[#back + 1] = completed.kept[at] end
  many('LPUSH', base .. 'C', back)
end

-- Without its record, which somebody removed, a job's task is unknown.
local tasks
local function removeEverywhere(id)
  for kind in string.gmatch('pohag', '.') do gone[#gone + 1] = base .. kind .. id end
  tasks = tasks or call('SMEMBERS', base .. 't')
  for _, task in ipairs(tasks) do
    local completed = call('ZRANGEBYLEX', base .. 'c' .. task, '[' .. id, '(' .. id .. ':', 'LIMIT', 0, 1)[1]
    if completed then drop(base .. 'c' .. task, completed) end
    drop(base .. 'f' .. task, id)
    drop(base .. 'x' .. task, id)
    touched[task] = true
  end
end

local function remove(job)
  local id, head, outcome = job.id, job.head, job.outcome
  gone[#gone + 1] = job.key
  removed = removed + 1
  if not outcome then drop(base .. 'F', id) end
  if not head then return removeEverywhere(id) end
  -- If the payload is stored separately, the record ends after the second line; a failed job's may have been cut off.
  if byte(job.text, -1) == 10 or not outcome then gone[#gone + 1] = base .. 'p' .. id end
  for flag in string.gmatch(head.flags, '%a') do gone[#gone + 1] = base .. flag .. id end
  -- Without its outcome, which somebody removed, a completed job may have a result stored separately.
  if not outcome or detailsOf(outcome).isApart then gone[#gone + 1] = base .. 'o' .. id end
  if outcome then
    head.dropped = head.dropped or listOf(drops, base .. 'c' .. head.task)
    push(head.dropped, id .. outcome)
  else
    drop(base .. head.status .. head.task, id)
  end
  touched[head.task] = true
end

for _, index in ipairs({ completed, failed }) do
  local age, keep = tonumber(take()), tonumber(take())
  local tooMany = keep and index.count() - keep or 0
  local function isOld(time) return age and time and time < now - age end
  -- Mostly there is nothing to do, as the oldest job shows.
  local at, held, isOver = 0, 0, removed >= limit or (tooMany <= 0 and not isOld(age and index.oldest()))
  while not isOver do
    local jobs = index.page(at)
    at = at + #jobs
    -- The order does not matter if the whole page is removed.
    local isAll = removed + #jobs <= limit and (tooMany >= #jobs or isOld(jobs[1] and jobs[1].endedAt))
    if not isAll then index.arrange(jobs) end
    isOver = #jobs == 0
    for _, job in ipairs(jobs) do
      isOver = isOver or removed >= limit or (tooMany <= 0 and not isOld(job.endedAt))
      local isSpared = isOver or isHeld(job.id)
      if isSpared and not isOver then
        held = held + 1
        isOver = held > ${MAX_HELD_PASSED}
      end
      tooMany = tooMany - 1
      if isSpared then index.keep(job) else remove(job) end
    end
  end
end

-- The jobs of a task, and its sets of leases. A key that is not ours fails before the first write.
local function countOf(task)
  local jobs, running = 0, {}
  for letter in string.gmatch('lqcfx', '.') do jobs = jobs + call('ZCARD', base .. letter .. task) end
  for _, version in ipairs(call('SMEMBERS', base .. 'v')) do
    running[#running + 1] = base .. 'r' .. version .. ':' .. task
    jobs = jobs + call('ZCOUNT', running[#running], '-inf', '(+inf')
  end
  return jobs, running
end
fit(base .. 't', 'SCARD')
for task in pairs(touched) do countOf(task) end

completed.write()
for from = 1, #gone, 1000 do call('UNLINK', unpack(gone, from, math.min(from + 999, #gone))) end
move()
for task in pairs(touched) do
  local jobs, running = countOf(task)
  if jobs == 0 then
    call('SREM', base .. 't', task)
    for _, key in ipairs(running) do call('DEL', key) end
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
