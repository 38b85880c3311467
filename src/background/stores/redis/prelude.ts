import { MAX_PAST_ATTEMPTS } from "../../core/limits.ts";
import { SPEED } from "../../core/steady-time.ts";
import { SHORT_LENGTH } from "./short-id.ts";

/**
 * The beginning of every script.
 *
 * - `KEYS[1]`: the beginning of all keys, see `keys.ts`. Scripts derive the others from it; all are in one hash slot.
 * - `KEYS[2]`: a key that never exists, ending with the number of the database.
 * - `ARGV[1]`: the time in milliseconds, or empty for the server's own.
 *
 * A script that fails midway keeps what it wrote, so whatever can fail comes before the first write: `fit` reads a key, which
 * fails if it holds another type, written by somebody else.
 */
export const PRELUDE: string = `
local base, call, pcall = KEYS[1], redis.call, redis.pcall
local find, sub = string.find, string.sub
local place = 1

local function take()
  place = place + 1
  return ARGV[place]
end

-- Ids, concatenated.
local function takeIds()
  local text, ids = take(), {}
  for number = 1, #text / ${SHORT_LENGTH} do
    ids[number] = sub(text, ${SHORT_LENGTH} * (number - 1) + 1, ${SHORT_LENGTH} * number)
  end
  return ids
end

local function textOf(number)
  return string.format('%.0f', number)
end

-- The time, which never goes back, not even if a failover sets the server's clock back. Returned as a number and as text,
-- because converting one is slow. The latest time is stored; while the clock is behind it, also both times at the moment when
-- that was noticed, from which time then advances more slowly: see steady-time.ts.
local function clock(write)
  local now = ARGV[1]
  if now == '' then
    local time = call('TIME')
    now = time[1] .. sub('00000' .. time[2], -6, -4)
  end
  local last = write('SET', base .. 'n', now, 'GET')
  -- On a replica or a full server, reading must still work.
  if type(last) == 'table' then last = call('GET', base .. 'n') end
  if last and not (tonumber(last) and tonumber(last) <= tonumber(now)) then
    local told, from, seen = string.match(last, '^(%d+) ?(%d*) ?(%d*)$')
    if told and math.max(#told, #from, #seen) <= 15 and tonumber(told) > tonumber(now) then
      local slow = seen ~= '' and from + math.floor((now - seen) * ${SPEED}) or 0
      if slow < tonumber(told) then slow, from, seen = tonumber(told), told, now end
      now = textOf(slow)
      write('SET', base .. 'n', now .. ' ' .. from .. ' ' .. seen)
    end
  end
  return tonumber(now), now
end

-- Returns how many received it. A user without the right to publish must not make a script fail halfway through its writes.
local function send(channel, message)
  local heard = pcall('PUBLISH', base .. '!' .. channel, message)
  return tonumber(heard) or 0
end

-- Channels are shared by all databases of a server, so the name of a common channel includes the database.
local function publish(kind, ids)
  send(kind .. sub(KEYS[2], #base + 2), ids)
end

-- A full Redis refuses commands that need memory, unless the script has written before: this lets accepted jobs proceed.
local function relieve()
  call('DEL', KEYS[2])
end

local isFit = {}
local function fit(key, size)
  if isFit[key] then return end
  call(size or 'ZCARD', key)
  isFit[key] = true
end

local function listOf(lists, key)
  local list = lists[key]
  if not list then
    fit(key)
    list = {}
    lists[key] = list
  end
  return list
end

local function push(list, item)
  list[#list + 1] = item
end

local function pushPair(list, first, second)
  local size = #list
  list[size + 1] = first
  list[size + 2] = second
end

-- Scores are text wherever possible: Redis is slow at formatting numbers.
local adds, drops = {}, {}
local function add(key, score, id)
  pushPair(listOf(adds, key), score, id)
end

local function drop(key, id)
  push(listOf(drops, key), id)
end

-- Runs a command for many items; returns the sum of its replies.
local function many(command, key, list)
  local sum = 0
  for from = 1, #list, 1000 do
    sum = sum + call(command, key, unpack(list, from, math.min(from + 999, #list)))
  end
  return sum
end

-- Applies all collected changes of indexes.
local function move()
  for key, list in pairs(drops) do many('ZREM', key, list) end
  for key, list in pairs(adds) do many('ZADD', key, list) end
end

-- The leases to set. One long member keeps a small set from Redis's compact encoding (listpack), in which every change scans
-- the whole set.
local function leasesOf(key)
  local list = listOf(adds, key)
  if #list == 0 then pushPair(list, '+inf', string.rep('~', 65)) end
  return list
end
`;

/**
 * Whether a member of an index precedes another, by their bytes. Lua's own `<` compares by the server's locale, and most
 * locales put `a` before `B`.
 */
export const ORDER = `
local byte = string.byte
local function isBefore(a, b)
  if a == b then return false end
  local at = 1
  -- Ids of the same time share a prefix.
  while sub(a, at, at + 5) == sub(b, at, at + 5) do at = at + 6 end
  while byte(a, at) == byte(b, at) do at = at + 1 end
  return (byte(a, at) or -1) < (byte(b, at) or -1)
end
`;

/** Reads and writes the records of a call's jobs in batches. Their format is in `fields.ts`. */
export const RECORDS = `
local records, writes, written = {}, {}, 0

-- Returns keys and records; a record is false if the key is missing or of another type.
local function read(ids)
  local keys, texts = {}, {}
  for first = 1, #ids, 1000 do
    local last = math.min(first + 999, #ids)
    for at = first, last do keys[at] = base .. 'j' .. ids[at] end
    local page = call('MGET', unpack(keys, first, last))
    if first == 1 then texts = page else for at = first, last do texts[at] = page[at - first + 1] end end
  end
  return keys, texts
end

local function load(ids)
  local _, texts = read(ids)
  for at = 1, #ids do records[ids[at]] = texts[at] end
end

local function write(id, record)
  records[id] = record
  writes[written + 1] = base .. 'j' .. id
  writes[written + 2] = record
  written = written + 2
end

local function save()
  for from = 1, written, 2000 do call('MSET', unpack(writes, from, math.min(from + 1999, written))) end
end
`;

/** Reads and writes the first lines of records. */
export const HEADS = `
-- A copy of a first line with changes.
local function headWith(head, changes)
  local new = setmetatable(changes, { __index = head })
  return new.status .. new.token .. ' ' .. new.done .. ' ' .. new.flags .. ' ' .. new.ended .. ' ' .. new.attempts .. ' ' ..
    new.first .. ' ' .. new.since .. ' ' .. new.worker .. ' ' .. new.kind .. '\\n'
end

local function withFlag(flags, flag)
  if flags == '-' then return flag end
  return find(flags, flag, 1, true) and flags or flags .. flag
end

local function readHead(text)
  local head = { status = 'p', token = '', done = '0', flags = '-', ended = '-', attempts = '0', first = '0', since = '0', worker = '' }
  if string.byte(text) == 110 then
    head.kind = sub(text, 2)
  else
    head.status, head.token, head.done, head.flags, head.ended, head.attempts, head.first, head.since, head.worker, head.kind =
      string.match(text, '^([prfx])(%S*) (%d+) (%S+) (%S+) (%d+) (%d+) (%d+) (%S*) (.+)$')
    local numbers = head.kind and head.done .. head.attempts .. head.first .. head.since
    if not numbers or #numbers > 60 then return false end
  end
  local task, version, lane = string.match(head.kind, '^(%S+) (%d+) (.+)$')
  head.task, head.lane, head.version = task or head.kind, lane or head.kind, version or '1'
  head.running = base .. 'r' .. head.version .. ':' .. head.task
  return head.kind ~= '' and head
end

-- Parses a record's first line; returns it (nil if it is invalid) and where the second line begins. Most jobs of a call have
-- the same first line as the one before.
local heads, lastHead = {}, nil
local function headOf(record)
  if not record then return nil end
  if lastHead and find(record, lastHead.text, 1, true) == 1 then return lastHead, #lastHead.text + 1 end
  local stop = find(record, '\\n', 1, true)
  if not stop then return nil end
  local text = sub(record, 1, stop)
  local head = heads[text]
  if head == nil then
    head = readHead(sub(record, 1, stop - 1))
    heads[text] = head
  end
  if not head then return nil, stop + 1 end
  head.text, lastHead = text, head
  return head, stop + 1
end
`;

/** Reads and writes the second lines of records. */
export const PLANS = `
local function readPlan(text)
  if #text > 4096 then return false end
  local plan, rest = {}, nil
  plan.created, plan.retries, rest = string.match(text, '^(%d+) (%d+)(.*)$')
  if not rest then return false end
  plan.due, plan.limit, plan.losses, plan.trace = string.match(rest, '^ (%d+) (%d+) (%d+)(.*)$')
  plan.trace = plan.trace or rest
  if plan.trace ~= '' and not find(plan.trace, '^ t%S+$') then return false end
  for _, name in ipairs({ 'created', 'retries', 'due', 'limit', 'losses' }) do
    if plan[name] and #plan[name] > 16 then return false end
    plan[name] = tonumber(plan[name])
  end
  plan.due = plan.due or plan.created
  plan.limit = plan.limit or plan.retries + 1
  plan.losses = plan.losses or 0
  return plan
end

-- Parses the second line; returns it and where the payload begins.
local plans, lastPlan = {}, nil
local function planOf(record, at)
  if lastPlan and find(record, lastPlan.text, at, true) == at then return lastPlan, at + #lastPlan.text end
  local stop = find(record, '\\n', at, true)
  if not stop then return nil end
  local text = sub(record, at, stop)
  local plan = plans[text]
  if plan == nil then
    plan = readPlan(sub(record, at, stop - 1))
    plans[text] = plan
  end
  if not plan then return nil, stop + 1 end
  plan.text, lastPlan = text, plan
  return plan, stop + 1
end

local function planText(created, retries, due, limit, losses, trace)
  return string.format('%.0f %.0f %.0f %.0f %.0f', created, retries, due, limit, losses) .. trace .. '\\n'
end
`;

/**
 * Tells a completed job from a running one, whose records are the same: returns the outcome from the index of completed
 * jobs, or false. It is the time of completion, followed by `=` and the result, `@` if that is stored separately, or `-`.
 */
export const OUTCOME: string = `
local outcomes = {}
local function outcomeOf(id, head)
  if not head or head.status ~= 'r' then return false end
  local outcome = outcomes[id]
  if outcome == nil then
    -- After the id comes a digit, and \`:\` is the character after the digits.
    local member = pcall('ZRANGEBYLEX', base .. 'c' .. head.task, '[' .. id, '(' .. id .. ':', 'LIMIT', 0, 1)[1]
    outcome = member and sub(member, ${SHORT_LENGTH + 1}) or false
    outcomes[id] = outcome
  end
  return outcome
end
`;

/** Whether the attempt with a token owns the job; if not, how it ended, if it is the job's last one to end. */
export const HELD = `
local function isHeldBy(id, head, token)
  return head and head.status == 'r' and head.token == token and not outcomeOf(id, head)
end

local function endOf(id, head, token)
  if not head then return nil end
  local last = head.ended
  if outcomeOf(id, head) then last = 'c' .. head.token
  elseif head.status ~= 'r' and head.token ~= '' then last = head.status .. head.token end
  if sub(last, 2) == token then return sub(last, 1, 1) end
end
`;

/** Adds a pending job to the indexes by due time and by id, and removes one. */
export const WAIT = `
local function wait(id, task, lane, due)
  add(base .. 'w' .. lane, due, id)
  add(base .. 'q' .. task, '0', id)
end

local function unwait(id, task, lane)
  if lane == task then drop(base .. 'l' .. lane, id) end
  drop(base .. 'w' .. lane, id)
  drop(base .. 'q' .. task, id)
end
`;

/** Appends to a job's past attempts: numbers and the worker, then the error. */
export const REMEMBER: string = `
local function remember(id, attempt, worker, startedAt, endedAt, failure)
  local key = base .. 'a' .. id
  local text = attempt .. ' ' .. startedAt .. ' ' .. endedAt .. ' ' .. worker .. ' ' .. failure
  if type(pcall('RPUSH', key, text)) == 'number' then call('LTRIM', key, -${MAX_PAST_ATTEMPTS}, -1) end
end
`;
