import type { ClaimAnswer, ClaimedJob, ClaimRequest, Usage } from "../../core/store.ts";
import { FLOOR, PRELUDE, REMEMBER, WAKE } from "./prelude.ts";
import { attemptsOf, placeOf, planOf } from "./records.ts";
import { type Script, script } from "./script.ts";
import { lengthen, SHORT_LENGTH } from "./short-id.ts";

/**
 * Takes due jobs to run, and brings back those whose lease ran out. Guards: a job to run is pending, by its index and by
 * its own word, and due; a lost one is overdue and of a version that the worker knows.
 *
 * - Arguments: worker, token, lease, limit, limit of lost ones, newest known version, the store that waits (or empty),
 *   then of each lane its name and limit.
 * - Returns: milliseconds to the next due job, or -1; how many are lost; all ids in one text; the fields `c`, then `a`, of
 *   all, separated by commas; their fields `k`, each behind how many jobs in a row have it; the payloads; then of each
 *   job with more to say its number, usage, trace (either may be empty) and, if it is lost, worker.
 */
export const CLAIM: Script = script(
  "claim",
  PRELUDE,
  FLOOR,
  WAKE,
  REMEMBER,
  `
relieve()
local now = clock(call)
local worker, token, lease, limit = take(), take(), tonumber(take()), tonumber(take())
local lostLimit, maxVersion, store = tonumber(take()), tonumber(take()), take()
local endsAt = now + lease
local ids, plans, attempts, kinds, payloads, more = {}, {}, {}, {}, {}, {}
local given, lastKind, sameKind = 0, nil, 0

local function give(id, job, payload, text)
  given = given + 1
  ids[given], plans[given], attempts[given], payloads[given] = id, job[3], text, payload
  if job[2] ~= lastKind then
    if lastKind then kinds[#kinds + 1], kinds[#kinds + 2] = sameKind, lastKind end
    lastKind, sameKind = job[2], 0
  end
  sameKind = sameKind + 1
end

local function tell(job, lostBy)
  local size = #more
  more[size + 1], more[size + 2], more[size + 3], more[size + 4] = given, job[6] or '', job[9] or '', lostBy
end

-- A record that cannot be what we wrote: it ends as failed, where people see it, instead of coming back for ever.
local function quarantine(id, lane)
  drop(base .. 'w' .. lane, id)
  drop(base .. 'q' .. lane, id)
  if call('HLEN', base .. 'D') < 1000 then call('HSET', base .. 'D', id, lane) end
  local job = fields(id, 's', 'k', 'c', 'a')
  if not job or not (job[1] or job[2] or job[3]) then return end
  local kind = job[2] and job[2] ~= '' and job[2] or lane
  local task, key = placeOf(kind)[1], base .. 'j' .. id
  local plan = planOf(job[3] or '')
  call('HSET', key, 's', 'f', 'k', kind, 'c', string.format('%.0f 0', plan > 0 and plan or now), 'd', now, 'x', 1)
  call('HDEL', key, 'a', 'h', 'g', 'i', 'e')
  remember(id, 0, nil, now, now,
    '{"name":"JobError","message":"Its record in Redis is damaged: somebody or something else wrote it.","stack":null}')
  if task ~= lane then drop(base .. 'q' .. task, id) end
  call('SADD', base .. 't', task)
  add(base .. 'f' .. task, 0, id)
  add(base .. 'F', now, id)
end

-- Whether a job that an index has, and that cannot be handed out, is none of those that another index has.
local function isDamaged(job, expected)
  local status = job and string.sub(job[1] or '', 1, 1)
  return not job or status == expected or status == '' or not string.find('prcfx', status, 1, true)
end

-- Its payload, if the record is whole.
local function payloadOf(id, job)
  local plan, text = job[3], job[5]
  if not job[2] or not plan or not (string.find(plan, '^%d+ %d+$') or string.find(plan, '^%d+ %d+ %d+ %d+ %d+$')) then return nil end
  if text and not string.find(text, '^%d+ %d+ %d+$') then return nil end
  return job[4] or call('GET', base .. 'p' .. id)
end

local function read(id)
  local job = fields(id, 's', 'k', 'c', 'p', 'a', 'i', 'g', 'w', 't')
  if job and not job[1] and not job[2] then return nil end
  return job
end

-- Lost jobs first. Before the floor there is none.
local floor = tonumber(call('GET', base .. 'e') or nil)
if lostLimit > 0 and (not floor or floor <= now) then
  local shelves, lost = {}, {}
  floor = now + 3600000
  for _, version in ipairs(call('SMEMBERS', base .. 'v')) do
    for _, task in ipairs(call('SMEMBERS', base .. 't')) do
      shelves[#shelves + 1] = { base .. 'r' .. version .. ':' .. task, tonumber(version) or 0 }
    end
  end
  for _, shelf in ipairs(shelves) do
    if shelf[2] <= maxVersion then
      local page = call('ZRANGEBYSCORE', shelf[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, lostLimit)
      for at = 1, #page, 2 do lost[#lost + 1] = { page[at], tonumber(page[at + 1]), shelf[1] } end
    end
  end
  table.sort(lost, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[1] < b[1]
  end)
  for number = 1, math.min(lostLimit, #lost) do
    local id, shelf = lost[number][1], lost[number][3]
    local job = read(id)
    local isRunning = job and string.sub(job[1] or '', 1, 1) == 'r'
    local payload = isRunning and job[5] and payloadOf(id, job)
    if payload then
      call('HSET', base .. 'j' .. id, 's', 'r' .. token)
      call('ZADD', shelf, endsAt, id)
      give(id, job, payload, job[5])
      tell(job, job[8] or '')
    else
      call('ZREM', shelf, id)
      if isDamaged(job, 'r') then quarantine(id, string.match(shelf, ':([^:].*)$') or '') end
    end
  end
  for _, shelf in ipairs(shelves) do
    local first = call('ZRANGE', shelf[1], 0, 0, 'WITHSCORES')
    if first[2] then floor = math.min(floor, tonumber(first[2])) end
  end
  call('SET', base .. 'e', floor)
end
local lostCount = given

-- What each lane has: those in line, and those whose time has come, in the order of both.
local lanes = {}
while place < #ARGV do
  local lane = { name = take(), left = tonumber(take()), taken = 0, inLine = 0, atLate = 1 }
  lane.most = math.min(lane.left, limit)
  if lane.most > 0 then
    lane.line = call('ZRANGE', base .. 'l' .. lane.name, 0, lane.most - 1)
    lane.late = call('ZRANGEBYSCORE', base .. 'w' .. lane.name, '-inf', now, 'WITHSCORES', 'LIMIT', 0, lane.most)
  end
  lanes[#lanes + 1] = lane
end

local function nextOf(lane)
  local inLine, late = lane.line[lane.inLine + 1], lane.late[lane.atLate]
  if inLine and late then
    local job = read(inLine)
    local _, _, due = planOf(job and job[3] or '')
    local lateDue = tonumber(lane.late[lane.atLate + 1])
    if lateDue < due or (lateDue == due and late < inLine) then inLine = nil end
  end
  if inLine then
    lane.inLine = lane.inLine + 1
    return inLine
  end
  if late then
    lane.atLate = lane.atLate + 2
    drop(base .. 'w' .. lane.name, late)
  end
  return late, true
end

local isRunning = 'r' .. token
local firstAttempt = string.format('1 %.0f 0', now)
local function start(lane)
  while true do
    local id, isLate = nextOf(lane)
    if not id then return false end
    local job = read(id)
    if job and isLate then drop(base .. 'q' .. (job[2] and placeOf(job[2])[1] or lane.name), id) end
    local payload = job and job[1] == 'p' and payloadOf(id, job)
    if payload then
      local key, text = base .. 'j' .. id, firstAttempt
      if job[5] then
        local count, first = attemptsOf(job[5])
        -- One that was handed back before its first attempt counted has begun all the same.
        text = string.format('%.0f %.0f %.0f', count + 1, first, now - first)
      end
      call('HSET', key, 's', isRunning, 'a', text, 'w', worker)
      if job[7] then call('HDEL', key, 'g') end
      add(placeOf(job[2]).running, endsAt, id)
      give(id, job, payload, text)
      if job[6] or job[9] then tell(job, '') end
      return true
    end
    if isDamaged(job, 'p') then quarantine(id, lane.name) end
  end
end

local left, isAnyTaken = limit, true
while isAnyTaken and left > 0 do
  isAnyTaken = false
  for _, lane in ipairs(lanes) do
    if left == 0 then break end
    if lane.taken < lane.most and start(lane) then
      isAnyTaken = true
      lane.taken = lane.taken + 1
      left = left - 1
    end
  end
end
for _, lane in ipairs(lanes) do
  if lane.inLine > 0 then call('ZREMRANGEBYRANK', base .. 'l' .. lane.name, 0, lane.inLine - 1) end
end
move()
if given > lostCount then lower(endsAt) end

local nextDue = -1
local crowded
for _, lane in ipairs(lanes) do
  if call('ZCARD', base .. 'l' .. lane.name) > 0 then
    nextDue, crowded = 0, lane.name
  else
    local first = call('ZRANGE', base .. 'w' .. lane.name, 0, 0, 'WITHSCORES')
    if first[2] then
      local ms = math.max(0, tonumber(first[2]) - now)
      if ms == 0 then crowded = lane.name end
      if nextDue < 0 or ms < nextDue then nextDue = ms end
    end
  end
end
if store ~= '' then
  for _, lane in ipairs(lanes) do
    if left > 0 and lane.taken < lane.left then
      call('ZADD', base .. 'i' .. lane.name, now + 2500, store)
    else
      call('ZREM', base .. 'i' .. lane.name, store)
    end
  end
end
if crowded then wake({ [crowded] = 1 }, now) end
kinds[#kinds + 1], kinds[#kinds + 2] = sameKind, lastKind
return {
  nextDue, lostCount, table.concat(ids), table.concat(plans, ','), table.concat(attempts, ','), kinds, payloads, more
}
`,
);

/**
 * Has a store told of jobs of any lane until it claims for the first time.
 *
 * - Argument: the store.
 */
export const AWAIT: Script = script(
  "await",
  PRELUDE,
  `
relieve()
call('ZADD', base .. 'I', clock(call) + 2500, take())
return 1
`,
);

export type ClaimReply = readonly [
  nextDueMs: number,
  lost: number,
  ids: string,
  plans: string,
  attempts: string,
  kinds: readonly (number | string)[],
  payloads: readonly string[],
  more: readonly (number | string)[],
];

export function claimArguments(request: ClaimRequest, waiting: string): string[] {
  const { worker, token, leaseMs, limit, lostLimit, maxVersion, lanes } = request;
  const args = [worker, token, String(leaseMs), String(limit), String(lostLimit), String(maxVersion), waiting];
  for (const lane of lanes) args.push(lane.lane, String(lane.limit));
  return args;
}

export function claimAnswer(reply: ClaimReply, request: ClaimRequest): ClaimAnswer {
  const [nextDueMs, lost, ids, plans, attempts, kinds, payloads, more] = reply;
  const planTexts = plans.split(",");
  const attemptTexts = attempts.split(",");
  const usages = new Map<number, Usage>();
  const traces = new Map<number, string>();
  const workers = new Map<number, string>();
  for (let at = 0; at < more.length; at += 4) {
    const job = Number(more[at]) - 1;
    if (more[at + 1] !== "") usages.set(job, JSON.parse(more[at + 1] as string));
    if (more[at + 2] !== "") traces.set(job, more[at + 2] as string);
    workers.set(job, more[at + 3] as string);
  }
  const jobs: ClaimedJob[] = [];
  for (let ofKind = 0; ofKind < kinds.length; ofKind += 2) {
    const { task, v } = placeOf((kinds[ofKind + 1] ?? "") as string);
    for (let left = Number(kinds[ofKind]); left > 0; left--) {
      const job = jobs.length;
      const { createdAt, maxRetries, runAt, attemptLimit, losses } = planOf(planTexts[job] as string);
      const { attempts: started, attemptedAt } = attemptsOf(attemptTexts[job]);
      const isLost = job < lost;
      jobs.push({
        v,
        id: lengthen(ids, job * SHORT_LENGTH),
        task,
        payload: payloads[job] as string,
        isLost,
        worker: isLost ? (workers.get(job) ?? "") : request.worker,
        attempts: started,
        attemptLimit,
        maxRetries,
        losses,
        createdAt,
        runAt,
        attemptedAt: attemptedAt as number,
        usage: usages.get(job) ?? null,
        trace: traces.get(job) ?? null,
      });
    }
  }
  return { jobs, nextDueMs: nextDueMs < 0 ? null : nextDueMs };
}
