import type { EnqueueAnswer, NewJob } from "../../core/store.ts";
import { INLINE } from "./fields.ts";
import { HAND } from "./handover.ts";
import { answersIn } from "./letters.ts";
import { HEADS, ORDER, PRELUDE, WAIT } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { shortenAll } from "./short-id.ts";
import { WAKE } from "./waiting-stores.ts";
import { wordOf } from "./words.ts";

/**
 * Adds pending jobs. Guard: the id is new.
 *
 * - Arguments: `1` if the ids ascend, so that none is there twice; the number of kinds, and for each kind task, lane, version,
 *   maxRetries, delay and runAt (or empty); the number of runs of equal jobs, and for each run its length, the number of
 *   its kind and its trace (or empty); then all ids concatenated, and each payload.
 * - Returns: a letter for each job, `s`tored, `k`nown or `x` for a conflict.
 *
 * A job that is due, and whose id comes after all in the lane's line, joins the line: one index that serves claims and listings.
 * All others go to two indexes, by due time and by id. A single job for an empty lane may be handed to a waiting worker: see
 * `handover.ts`.
 */
export const ENQUEUE: Script = script(
  PRELUDE,
  ORDER,
  HEADS,
  WAKE,
  WAIT,
  `
local now, stamp = clock(call)
`,
  HAND,
  `
local isAscending = take() == '1'
local kinds = {}
for number = 1, tonumber(take()) do
  local kind = { task = take(), lane = take(), version = take() }
  local retries, delay, at = take(), tonumber(take()), take()
  local due = math.max(now, tonumber(at) or now + delay)
  kind.due = due
  kind.name = kind.task
  if kind.version ~= '1' or kind.lane ~= kind.task then
    kind.name = kind.task .. ' ' .. kind.version .. ' ' .. kind.lane
  end
  kind.plan = stamp .. ' ' .. retries
  if due ~= now then kind.plan = string.format('%s %s %.0f %.0f 0', stamp, retries, due, retries + 1) end
  kind.isKnown = call('SISMEMBER', base .. 't', kind.task) + call('SISMEMBER', base .. 'v', kind.version) == 2
  if due == now and kind.name == kind.task then
    kind.line = base .. 'l' .. kind.lane
    kind.tail = call('ZRANGE', kind.line, -1, -1)[1] or ''
    isFit[kind.line] = true
  end
  kinds[number] = kind
end

local runs = {}
for number = 1, tonumber(take()) do
  local run = { count = tonumber(take()), kind = kinds[tonumber(take())] }
  run.lines = 'n' .. run.kind.name .. '\\n' .. run.kind.plan .. take() .. '\\n'
  runs[number] = run
end

-- Records, each after its key, and the payloads that are stored separately.
local texts, apart, isInLine, ids = {}, {}, {}, takeIds()
local number, jobs = 0, #ids
for _, run in ipairs(runs) do
  local lines, kind = run.lines, run.kind
  for _ = 1, run.count do
    number = number + 1
    local id, payload = ids[number], take()
    if kind.line and (isAscending and kind.isPast or isBefore(kind.tail, id)) then
      kind.isPast, isInLine[number] = true, true
    else
      kind.isToWait = true
    end
    if #payload == 0 or #payload > ${INLINE} then
      apart[number] = payload
      payload = ''
    end
    texts[2 * number - 1], texts[2 * number] = base .. 'j' .. id, lines .. payload
  end
end

-- Only the first job of its lane may be handed over, so that none is overtaken.
local isFirst = jobs == 1 and not apart[1] and kinds[1].tail == ''
for _, kind in ipairs(kinds) do
  if kind.isToWait then
    fit(base .. 'w' .. kind.lane)
    fit(base .. 'q' .. kind.task)
  elseif isFirst then
    local late = call('ZRANGE', base .. 'w' .. kind.lane, 0, 0, 'WITHSCORES')[2]
    isFirst = not late or tonumber(late) > now
  end
end

-- For jobs whose id may exist already, or may occur twice in this call.
local function tryOne(number, kind)
  local key = texts[2 * number - 1]
  local record = pcall('GET', key)
  if type(record) == 'table' then return 'x' end
  local head = headOf(record)
  if head then return head.task == kind.task and 'k' or 'x' end
  call('SET', key, texts[2 * number])
  return 's'
end

local answers, ready, isNew = {}, {}, {}
for from = 1, jobs, 1000 do
  isNew[from] = isAscending and call('MSETNX', unpack(texts, 2 * from - 1, 2 * math.min(from + 999, jobs))) == 1
end
number = 0
for _, run in ipairs(runs) do
  local kind = run.kind
  for _ = 1, run.count do
    number = number + 1
    local answer = isNew[number - (number - 1) % 1000] and 's' or tryOne(number, kind)
    answers[number] = answer
    if answer == 's' then
      local id = ids[number]
      if apart[number] then call('SET', base .. 'p' .. id, apart[number]) end
      if isInLine[number] then
        add(kind.line, '0', id)
      else
        wait(id, kind.task, kind.lane, kind.due)
      end
      kind.stored = (kind.stored or 0) + 1
    end
  end
end
for _, kind in ipairs(kinds) do
  if kind.stored then
    if not kind.isKnown then
      call('SADD', base .. 't', kind.task)
      call('SADD', base .. 'v', kind.version)
    end
    ready[kind.lane] = (ready[kind.lane] or 0) + kind.stored
  end
end
wake(ready, now, isFirst and function(store) return handTo(store, ids[1], texts[2]) end)
move()
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, EnqueueAnswer>> = { s: "stored", k: "known", x: "conflict" };

export function enqueueArguments(jobs: readonly NewJob[]): string[] {
  const kinds: string[] = [];
  const runs: string[] = [];
  const payloads: string[] = [];
  const numbers = new Map<string, string>();
  let last: NewJob | undefined;
  let count = 0;
  let isAscending = true;
  for (const job of jobs) {
    if (last !== undefined && job.id <= last.id) isAscending = false;
    if (last === undefined || !isAlike(last, job)) {
      const kind = kindOf(job);
      const text = kind.join("\n");
      const number = numbers.get(text) ?? String(numbers.size + 1);
      if (!numbers.has(text)) {
        numbers.set(text, number);
        kinds.push(...kind);
      }
      runs.push("", number, job.trace === null ? "" : ` t${wordOf(job.trace)}`);
      count = 0;
    }
    last = job;
    runs[runs.length - 3] = String(++count);
    payloads.push(job.payload);
  }
  const ids = shortenAll(jobs.map((job) => job.id));
  return [isAscending ? "1" : "0", String(numbers.size), ...kinds, String(runs.length / 3)].concat(runs, ids, payloads);
}

export function enqueueAnswers(reply: string, count: number): EnqueueAnswer[] {
  return answersIn(reply, count, ANSWERS);
}

function isAlike(a: NewJob, b: NewJob): boolean {
  return (
    a.task === b.task &&
    a.lane === b.lane &&
    a.v === b.v &&
    a.maxRetries === b.maxRetries &&
    a.delayMs === b.delayMs &&
    a.runAt === b.runAt &&
    a.trace === b.trace
  );
}

function kindOf({ task, lane, v, maxRetries, delayMs, runAt }: NewJob): string[] {
  return [task, lane, String(v), String(maxRetries), String(delayMs), runAt === null ? "" : String(runAt)];
}
