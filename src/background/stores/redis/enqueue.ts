import type { EnqueueAnswer, NewJob } from "../../core/store.ts";
import { PRELUDE, WAIT, WAKE } from "./prelude.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";

/**
 * Adds pending jobs. Guard: the id is not there.
 *
 * - Arguments: how many kinds of jobs there are; of each kind task, lane, version, maxRetries, delay and runAt (or
 *   empty); how many jobs have a trace, and of each its number and the trace; then of each job its id, its kind's number
 *   and its payload.
 * - Returns: a letter for each job, `s`tored, `k`nown or `x` for a conflict.
 *
 * A job that is due and whose id is behind all in line joins the line, where one index serves claims and listings. The
 * others wait in two.
 */
export const ENQUEUE: Script = script(
  "enqueue",
  PRELUDE,
  WAKE,
  WAIT,
  `
local now = clock(call)
fit(base .. 't', 'SCARD')
fit(base .. 'v', 'SCARD')
local kinds = {}
for number = 1, tonumber(take()) do
  local kind = { task = take(), lane = take(), version = take() }
  local retries, delay, at = take(), tonumber(take()), take()
  local due = math.max(now, at ~= '' and tonumber(at) or now + delay)
  kind.due = due
  kind.place = kind.task
  if kind.version ~= '1' or kind.lane ~= kind.task then
    kind.place = kind.task .. ' ' .. kind.version .. ' ' .. kind.lane
  end
  kind.plan = string.format('%.0f ', now) .. retries
  if due ~= now then kind.plan = planText(now, retries, due, retries + 1, 0) end
  fit(base .. 'w' .. kind.lane)
  fit(base .. 'q' .. kind.task)
  if due == now and kind.place == kind.task then
    kind.line = base .. 'l' .. kind.lane
    kind.tail = call('ZRANGE', kind.line, -1, -1)[1] or ''
  end
  kinds[number] = kind
end

local traces = {}
for _ = 1, tonumber(take()) do
  local number = tonumber(take())
  traces[number] = take()
end

local keys = {}
for at = place + 1, #ARGV, 3 do keys[#keys + 1] = base .. 'j' .. ARGV[at] end
local known = 0
for from = 1, #keys, 1000 do
  known = known + call('EXISTS', unpack(keys, from, math.min(from + 999, #keys)))
end

local seen, answers, ready = {}, {}, {}
for number = 1, #keys do
  local id, kind, payload = take(), kinds[tonumber(take())], take()
  local key, answer = keys[number], 's'
  if known > 0 or seen[id] then
    local place = pcall('HGET', key, 'k')
    if type(place) == 'string' then
      answer = placeOf(place)[1] == kind.task and 'k' or 'x'
    elseif place then
      answer = 'x'
    else
      call('DEL', key)
    end
  end
  seen[id] = true
  answers[number] = answer
  if answer == 's' then
    if #payload <= 64 then
      call('HSET', key, 's', 'p', 'k', kind.place, 'c', kind.plan, 'p', payload)
    else
      call('HSET', key, 's', 'p', 'k', kind.place, 'c', kind.plan)
      call('SET', base .. 'p' .. id, payload)
    end
    if traces[number] then call('HSET', key, 't', traces[number]) end
    if kind.line and id > kind.tail then
      add(kind.line, 0, id)
    else
      wait(id, kind.task, kind.lane, kind.due)
    end
    kind.stored = (kind.stored or 0) + 1
  end
end
move()
for _, kind in ipairs(kinds) do
  if kind.stored then
    call('SADD', base .. 't', kind.task)
    call('SADD', base .. 'v', kind.version)
    ready[kind.lane] = (ready[kind.lane] or 0) + kind.stored
  end
end
wake(ready, now)
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, EnqueueAnswer>> = { s: "stored", k: "known", x: "conflict" };

export function enqueueArguments(jobs: readonly NewJob[]): string[] {
  const kinds: string[] = [];
  const traces: string[] = [];
  const items: string[] = [];
  const numbers = new Map<string, string>();
  let last: NewJob | undefined;
  let number = "";
  for (const [index, job] of jobs.entries()) {
    if (last === undefined || !isAlike(last, job)) {
      const kind = kindOf(job);
      const text = kind.join("\n");
      number = numbers.get(text) ?? String(numbers.size + 1);
      if (!numbers.has(text)) {
        numbers.set(text, number);
        kinds.push(...kind);
      }
      last = job;
    }
    if (job.trace !== null) traces.push(String(index + 1), job.trace);
    items.push(shorten(job.id), number, job.payload);
  }
  return [String(numbers.size), ...kinds, String(traces.length / 2), ...traces].concat(items);
}

export function enqueueAnswers(reply: string): EnqueueAnswer[] {
  return Array.from(reply, (letter) => ANSWERS[letter] as EnqueueAnswer);
}

function isAlike(a: NewJob, b: NewJob): boolean {
  return (
    a.task === b.task &&
    a.lane === b.lane &&
    a.v === b.v &&
    a.maxRetries === b.maxRetries &&
    a.delayMs === b.delayMs &&
    a.runAt === b.runAt
  );
}

function kindOf({ task, lane, v, maxRetries, delayMs, runAt }: NewJob): string[] {
  return [task, lane, String(v), String(maxRetries), String(delayMs), runAt === null ? "" : String(runAt)];
}
