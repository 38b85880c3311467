/**
 * What every script begins with.
 *
 * - `KEYS[1]`: what all keys begin with, see `keys.ts`. The other keys are made of it, which one hash slot allows.
 * - `ARGV[1]`: the time in milliseconds, or empty for the server's own.
 *
 * A script that fails in the middle keeps what it wrote, so whatever can fail is tried before: `fit` reads a key, which
 * fails when somebody else put another type there.
 */
export const PRELUDE = `
local base, call, pcall = KEYS[1], redis.call, redis.pcall
local place = 1

local function take()
  place = place + 1
  return ARGV[place]
end

-- The time, which never goes back, not even when a failover turns the server's clock back.
local function clock(write)
  local now = tonumber(ARGV[1])
  if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local last = tonumber(call('GET', base .. 'n') or 0)
  if now <= last then return last end
  write('SET', base .. 'n', now)
  return now
end

-- Redis refuses what needs memory when it is full, unless the script has written before: work that was accepted goes on.
local function relieve()
  call('DEL', base .. '-')
end

local isFit = {}
local function fit(key, size)
  if isFit[key] then return end
  call(size or 'ZCARD', key)
  isFit[key] = true
end

-- The fields of a job's hash; nil where there is none, or something else.
local function fields(id, ...)
  local values = pcall('HMGET', base .. 'j' .. id, ...)
  if values.err then return nil end
  return values
end

-- Task, version and lane, as the field k tells them.
local places = {}
local function placeOf(text)
  local place = places[text]
  if not place then
    local task, version, lane = string.match(text, '^(%S*) (%d*) (.*)$')
    place = { task or text, version or '1', lane or text }
    place.running = base .. 'r' .. place[2] .. ':' .. place[1]
    places[text] = place
  end
  return place
end

-- The numbers of the field c, absent ones filled in.
local function planOf(text)
  local created, retries, rest = string.match(text, '^(%d+) (%d+)(.*)$')
  local due, limit, losses = string.match(rest or '', '^ (%d+) (%d+) (%d+)$')
  created, retries = tonumber(created) or 0, tonumber(retries) or 0
  return created, retries, tonumber(due) or created, tonumber(limit) or retries + 1, tonumber(losses) or 0
end

local function planText(...)
  return string.format('%.0f %.0f %.0f %.0f %.0f', ...)
end

-- Attempts, start of the first and of the latest, as the field a tells them.
local function attemptsOf(text)
  local attempts, first, since = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  first = tonumber(first) or 0
  return tonumber(attempts) or 0, first, first + (tonumber(since) or 0)
end

local adds, drops = {}, {}
local function add(key, score, id)
  local list = adds[key]
  if not list then
    fit(key)
    list = { size = 0 }
    adds[key] = list
  end
  local size = list.size
  list[size + 1], list[size + 2] = score, id
  list.size = size + 2
end

local function drop(key, id)
  local list = drops[key]
  if not list then
    fit(key)
    list = { size = 0 }
    drops[key] = list
  end
  local size = list.size + 1
  list[size] = id
  list.size = size
end

local function each(command, lists)
  for key, list in pairs(lists) do
    for from = 1, list.size, 1000 do
      call(command, key, unpack(list, from, math.min(from + 999, list.size)))
    end
  end
end

-- Moves jobs from index to index, many at a time.
local function move()
  each('ZREM', drops)
  each('ZADD', adds)
end
`;

/** How the attempt of a token ended, if it is the one that ended last; takes the fields s, k and e. */
export const ENDED = `
local function endOf(job, token)
  if not job or not job[1] then return nil end
  local how = string.sub(job[1], 1, 1)
  local last = how ~= 'r' and #job[1] > 1 and job[1] or job[3]
  if last and string.sub(last, 2) == token then return string.sub(last, 1, 1) end
end
`;

/** Keeps a time before which no lease ends, so that most claims need not look for lost jobs. */
export const FLOOR = `
local function lower(endsAt)
  local floor = tonumber(call('GET', base .. 'e') or nil)
  if floor and endsAt < floor then call('SET', base .. 'e', endsAt) end
end
`;

/**
 * Tells of jobs that became pending: for each lane one or two of those that wait for it, and not all. Whoever takes a
 * share and leaves some wakes the next. Where nobody waits for the lane, one of those that have not claimed yet.
 */
export const WAKE = `
local function wakeSome(waiting, message, now, most)
  -- A publish that nobody hears went to a worker that died, or to one that listens at another node of a cluster.
  local deaf = 3
  while most > 0 and deaf > 0 do
    local who = pcall('ZPOPMAX', waiting)
    if who.err or not who[1] then return most end
    if tonumber(who[2]) > now then
      if call('PUBLISH', base .. '!' .. who[1], message) > 0 then most = most - 1 else deaf = deaf - 1 end
    end
  end
  return most
end

-- Lanes, each with how many jobs became pending there.
local function wake(lanes, now)
  local others = {}
  for lane, count in pairs(lanes) do
    if wakeSome(base .. 'i' .. lane, lane, now, math.min(count, 2)) > 0 then others[#others + 1] = lane end
  end
  if #others > 0 then wakeSome(base .. 'I', table.concat(others, ' '), now, 1) end
end
`;

/** Puts a job among those that wait for their time, or in line behind those before it. */
export const WAIT = `
local function wait(id, task, lane, due)
  add(base .. 'w' .. lane, due, id)
  add(base .. 'q' .. task, 0, id)
end

local function unwait(id, task, lane)
  if lane == task and call('ZREM', base .. 'l' .. lane, id) == 1 then return end
  drop(base .. 'w' .. lane, id)
  drop(base .. 'q' .. task, id)
end
`;

/**
 * Writes down what an attempt reported: \`to\` gathers fields of its hash. Flags: \`g\` progress, \`i\` usage, \`n\` log lines,
 * each followed by its arguments in this order.
 */
export const REPORT = `
local function report(id, flags, to)
  if string.find(flags, 'g', 1, true) then
    to[#to + 1] = 'g'
    to[#to + 1] = take()
  end
  if string.find(flags, 'i', 1, true) then
    to[#to + 1] = 'i'
    to[#to + 1] = take()
  end
  if string.find(flags, 'n', 1, true) then
    local count, key = tonumber(take()), base .. 'g' .. id
    for line = 1, count do
      if type(pcall('RPUSH', key, take())) == 'number' and line == count then call('LTRIM', key, -1000, -1) end
    end
  end
end

-- Takes the arguments of a report that is refused.
local function skip(flags)
  if string.find(flags, 'g', 1, true) then take() end
  if string.find(flags, 'i', 1, true) then take() end
  if string.find(flags, 'n', 1, true) then
    local count = tonumber(take())
    place = place + count
  end
end
`;

/** Adds to the past attempts of a job: numbers first, then the worker's name behind its length, then the error. */
export const REMEMBER = `
local function remember(id, attempt, worker, startedAt, endedAt, failure)
  local key = base .. 'a' .. id
  worker = worker or ''
  local text = string.format('%.0f %.0f %.0f %d ', attempt, startedAt, endedAt, #worker) .. worker .. failure
  if type(pcall('RPUSH', key, text)) == 'number' then call('LTRIM', key, -20, -1) end
end
`;
