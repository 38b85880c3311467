import { MAX_CALL_BYTES } from "../../core/limits.ts";
import { parsed } from "../../core/parsed.ts";
import type { ClaimAnswer, ClaimedJob, ClaimRequest } from "../../core/store.ts";
import { readUsage } from "../../core/usage.ts";
import { DAMAGED } from "./damaged.ts";
import { handedOf, OFFER } from "./handover.ts";
import { LANES } from "./lanes.ts";
import { FLOOR, LOST, NEXT_LOST } from "./lost.ts";
import { HEADS, ORDER, OUTCOME, PLANS, PRELUDE, RECORDS, REMEMBER } from "./prelude.ts";
import { attemptsOf, kindOf, planOf } from "./records.ts";
import { type Script, script } from "./script.ts";
import { lengthenAll } from "./short-id.ts";
import { WAITING_MS, WAKE } from "./waiting-stores.ts";
import { textOf, wordOf } from "./words.ts";

/** When the set of a lane's waiting stores expires: no worker may ever claim from that lane again. */
const LANE_MS = 86_400_000;

/**
 * Claims due jobs to run, and takes over jobs whose lease has expired. Guards: a job to run is pending, by its index and by
 * its record, and due; a lost one is overdue and of a version that the worker knows.
 *
 * - Arguments: worker, token, lease, limit, limit of lost jobs, newest known version; until when it may take over lost jobs,
 *   the waiting store, `1` if it has made an offer, and the token of a new offer (each of these four may be empty); then the
 *   name and limit of each lane.
 * - Returns: the time; milliseconds to the next due job, or -1; the number of lost jobs; all ids concatenated; for each run
 *   of jobs with equal headers the number of its first job, their kind and their plan; the payloads, as lines of one text
 *   unless one is stored separately or contains a newline; for each job with more to report its number, attempts, usage
 *   and, if it is lost, worker; the job that was handed over, if any; and the number of live workers.
 */
export const CLAIM: Script = script(
  PRELUDE,
  ORDER,
  RECORDS,
  HEADS,
  PLANS,
  OUTCOME,
  FLOOR,
  WAKE,
  REMEMBER,
  OFFER,
  `
relieve()
local now, stamp = clock(call)
local worker, token, lasts, limit = take(), take(), tonumber(take()), tonumber(take())
local lostLimit, maxVersion, recoverUntil, store = tonumber(take()), tonumber(take()), tonumber(take()), take()
-- The server stood still meanwhile: leases have expired whose workers are alive and are to be heard first.
if recoverUntil and now > recoverUntil then lostLimit = 0 end
local offered, offers = take(), take()
local endsAt = textOf(now + lasts)
local ids, runs, payloads, more, noted = {}, {}, {}, {}, {}
local given, lastGiven, areLines = 0, nil, true
-- The size of the payloads that are stored separately; all others are short.
local bytes = 0

local function has(head, flag)
  return find(head.flags, flag, 1, true)
end

local function note(id, name)
  local value = pcall('HGET', base .. 'h' .. id, name)
  return type(value) == 'string' and value or ''
end

local function tellFront(front)
  pushPair(runs, given, front.head.kind)
  push(runs, front.plan.text)
  lastGiven = front
end

local function give(id, front, payload)
  given = given + 1
  ids[given], payloads[given] = id, payload
  areLines = areLines and not find(payload, '\\n', 1, true)
  if front ~= lastGiven then tellFront(front) end
end

local function tellMore(...)
  more[#more + 1] = given
  for _, text in ipairs({ ... }) do more[#more + 1] = text end
end

-- The parsed beginning of a record, up to its payload.
local lastFront
local function frontOf(record)
  local head, at = headOf(record)
  local plan, payloadAt
  if head then plan, payloadAt = planOf(record, at) end
  if not plan then return { head = head, at = at } end
  lastFront = { head = head, at = at, plan = plan, payloadAt = payloadAt, text = sub(record, 1, payloadAt - 1) }
  return lastFront
end

-- If the payload exceeds what one call may return, the job is left to the next call.
local isTooMuch = false
local function payloadApart(id)
  local payload = pcall('GET', base .. 'p' .. id)
  if type(payload) ~= 'string' then return false end
  isTooMuch = bytes > 0 and bytes + #payload > ${MAX_CALL_BYTES}
  areLines, bytes = false, bytes + #payload
  return payload
end

-- A job that was handed over occupies a slot.
local handed, handedLane = '', nil
if offered ~= '' then handed, handedLane = receivedBy(store) end
if handedLane then limit = math.max(0, limit - 1) end
`,
  DAMAGED,
  LOST,
  `
local lostCount = given
`,
  LANES,
  `
-- Prepares what all started jobs with this front share.
local function start(front)
  local head = front.head
  -- A job that was handed back uncounted keeps the time of its first start.
  local first = head.first ~= '0' and head.first or stamp
  local attempts, since = textOf(head.attempts + 1), textOf(now - first)
  front.told = attempts .. ' ' .. first .. ' ' .. since
  front.started = headWith(head, {
    status = 'r', token = token, attempts = attempts, first = first, since = since, worker = worker
  }) .. front.plan.text
  front.leases = leasesOf(head.running)
  front.isFirst = head.flags == '-' and head.attempts == '0' and head.first == '0'
end

-- Leaves the jobs from this turn on to the next call: they were taken off their lanes with the others, and are added again.
local function putBack(first)
  local isLeft = {}
  for number = first, #turns do isLeft[turns[number]] = true end
  for _, lane in ipairs(lanes) do
    for at = 1, lane.taken do
      local id = lane.order[at]
      local late = lateOf[id]
      if isLeft[id] and late then
        add(base .. 'w' .. lane.name, late.due, id)
        add(base .. 'q' .. late.task, '0', id)
      elseif isLeft[id] then
        add(base .. 'l' .. lane.name, '0', id)
      end
    end
  end
end

-- The hot loop of a claim, so calls are inlined. Most jobs have the same front as the one before.
local keys, texts = read(turns)
for number = 1, #turns do
  local id, record, front, payload = turns[number], texts[number], lastFront, nil
  if not (front and record and find(record, front.text, 1, true) == 1) then front = frontOf(record) end
  if front.plan and front.head.status == 'p' then
    local inline = sub(record, front.payloadAt)
    payload = inline
    if inline == '' then
      payload = payloadApart(id)
      if isTooMuch then
        putBack(number)
        break
      end
    elseif areLines and find(inline, '\\n', 1, true) then
      areLines = false
    end
    if payload then
      if not front.started then start(front) end
      local size = #front.leases
      front.leases[size + 1], front.leases[size + 2] = endsAt, id .. token
      writes[written + 1], writes[written + 2] = keys[number], front.started .. inline
      written = written + 2
      given = given + 1
      ids[given], payloads[given] = id, payload
      if front ~= lastGiven then tellFront(front) end
      if not front.isFirst then
        local usage = ''
        if has(front.head, 'h') then
          usage = note(id, 'i')
          push(noted, id)
        end
        tellMore(front.told, usage, '')
      end
    end
  end
  if not payload then
    records[id] = record
    setAside(id, laneOf(id), front, 'p')
  end
end
for _, lane in ipairs(lanes) do
  if lane.inLine > 0 then call('ZREMRANGEBYRANK', base .. 'l' .. lane.name, '0', lane.inLine - 1) end
end
save()
move()
for _, id in ipairs(noted) do pcall('HDEL', base .. 'h' .. id, 'g') end
explainDamage()
if given > lostCount then lower(floor, now + lasts) end
`,
  NEXT_LOST,
  `

local nextDue = isTooMuch and 0 or -1
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
  local waits = {}
  for _, lane in ipairs(lanes) do
    local waiting = base .. 'i' .. lane.name
    if left > 0 and lane.taken < lane.left then
      local isNew = pcall('ZADD', waiting, now + ${WAITING_MS}, store) == 1
      if isNew then
        -- Dead stores are never popped while live ones are woken. A live one is added again by its next claim.
        call('ZREMRANGEBYSCORE', waiting, '-inf', stamp)
        call('PEXPIRE', waiting, ${LANE_MS})
      end
      waits[#waits + 1] = lane.name
    else
      pcall('ZREM', waiting, store)
    end
  end
  if offers ~= '' and #waits > 0 then
    offer(store, worker, offers, lasts, waits)
  elseif offered ~= '' then
    call('DEL', base .. 'O' .. store)
  end
end
if crowded then wake({ [crowded] = 1 }, now) end
if areLines then payloads = table.concat(payloads, '\\n') end
local workers = pcall('ZCOUNT', base .. 'G', '(' .. stamp, '+inf')
return { stamp, nextDue, lostCount, table.concat(ids), runs, payloads, more, handed, tonumber(workers) or 0 }
`,
);

export type ClaimReply = readonly [
  now: string,
  nextDueMs: number,
  lost: number,
  ids: string,
  runs: readonly (number | string)[],
  payloads: string | readonly string[],
  more: readonly (number | string)[],
  handed: string,
  workers: number,
];

/** @param recoverUntil until when, by the server's clock, it may take over lost jobs; `null` for no limit */
export function claimArguments(request: ClaimRequest, recoverUntil: number | null, waiting: string): string[] {
  const { worker, token, leaseMs, limit, lostLimit, maxVersion, lanes, offered, offer } = request;
  const args = [
    wordOf(worker),
    wordOf(token),
    String(leaseMs),
    String(limit),
    String(lostLimit),
    String(maxVersion),
    recoverUntil === null ? "" : String(Math.ceil(recoverUntil)),
    waiting,
    offered == null ? "" : "1",
    offer == null ? "" : wordOf(offer),
  ];
  for (const lane of lanes) args.push(lane.lane, String(lane.limit));
  return args;
}

export function claimAnswer(reply: ClaimReply, request: ClaimRequest): ClaimAnswer {
  const [now, nextDueMs, lost, shortIds, runs, told, more, handed, workers] = reply;
  const ids = lengthenAll(shortIds);
  const payloads = typeof told === "string" ? told.split("\n") : told;
  const others = new Map<number, readonly [attempts: string, usage: string, worker: string]>();
  for (let at = 0; at < more.length; at += 4)
    others.set(Number(more[at]) - 1, [more[at + 1] as string, more[at + 2] as string, more[at + 3] as string]);
  const isAnyOther = others.size > 0;
  const firstAttempt = { attempts: 1, attemptedAt: Number(now) };
  const jobs: ClaimedJob[] = [];
  for (let run = 0; run < runs.length; run += 3) {
    const { task, v } = kindOf(runs[run + 1] as string);
    const { createdAt, maxRetries, runAt, attemptLimit, losses, trace } = planOf((runs[run + 2] as string).trimEnd());
    const end = run + 3 < runs.length ? (runs[run + 3] as number) - 1 : ids.length;
    for (let job = (runs[run] as number) - 1; job < end; job++) {
      const other = isAnyOther ? others.get(job) : undefined;
      const { attempts, attemptedAt } = other === undefined ? firstAttempt : attemptsOf(other[0]);
      const isLost = job < lost;
      jobs.push({
        v,
        id: ids[job] as string,
        task,
        payload: payloads[job] as string,
        trace,
        isLost,
        worker: isLost ? textOf(other?.[2] ?? "") : request.worker,
        attempts,
        attemptLimit,
        maxRetries,
        losses,
        createdAt,
        runAt,
        attemptedAt: attemptedAt as number,
        usage: readUsage(parsed(other?.[1])),
      });
    }
  }
  return {
    jobs,
    nextDueMs: nextDueMs < 0 ? null : nextDueMs,
    ...(workers > 1 ? { isShared: true } : {}),
    ...(handed === "" ? {} : { handed: handedOf(handed) }),
  };
}
