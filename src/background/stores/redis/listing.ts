import type { Portion } from "../../core/portions.ts";
import type { JobRecord, ListFilter } from "../../core/store.ts";
import { CODE_OF } from "./fields.ts";
import { HEADS, ORDER, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
import { SHOW } from "./read.ts";
import { type RecordReply, recordOf } from "./records.ts";
import { type Script, script } from "./script.ts";
import { lengthen, SHORT_LENGTH, shorten } from "./short-id.ts";

/**
 * A page of jobs, newest first: merges the indexes that match the filter, reading each only as far as the page needs. Running jobs
 * are all read, since their index is in the order of leases; there are no more of them than workers have slots.
 *
 * - Arguments: a status's letter, `+task` and the id that the page starts before (each may be empty), the limit, `1` to omit results.
 * - Returns: `1` if the page ends early, at the limit of what one call returns; for each job its id and what `show` collects.
 */
export const LIST: Script = script(
  PRELUDE,
  ORDER,
  RECORDS,
  HEADS,
  OUTCOME,
  SHOW,
  `
local status, task, before, limit, isBrief = take(), take(), take(), tonumber(take()), take() == '1'
local tasks = task ~= '' and { sub(task, 2) } or call('SMEMBERS', base .. 't')
local from = before == '' and '+' or '(' .. before

local keys, versions = {}, call('SMEMBERS', base .. 'v')
local running = { ids = {}, at = 1 }
for _, name in ipairs(tasks) do
  for letter in string.gmatch('lqcfx', '.') do
    local isOf = status == '' or status == letter or (status == 'p' and (letter == 'l' or letter == 'q'))
    local key = base .. letter .. name
    if isOf and call('ZCARD', key) > 0 then keys[#keys + 1] = key end
  end
  if status == '' or status == 'r' then
    for _, version in ipairs(versions) do
      for _, member in ipairs(call('ZRANGEBYSCORE', base .. 'r' .. version .. ':' .. name, '-inf', '(+inf')) do
        local id = sub(member, 1, ${SHORT_LENGTH})
        if before == '' or isBefore(id, before) then push(running.ids, id) end
        outcomes[id] = false
      end
    end
  end
end
table.sort(running.ids, function(a, b) return isBefore(b, a) end)

local page = math.min(limit, math.ceil(limit / math.max(1, #keys)) + 8)
local function fill(source, start)
  source.ids = call('ZREVRANGEBYLEX', source.key, start, '-', 'LIMIT', 0, page)
  source.at = 1
  -- The index of completed jobs has the outcome after the id.
  for number, member in ipairs(source.ids) do
    if #member > ${SHORT_LENGTH} then
      local id = sub(member, 1, ${SHORT_LENGTH})
      source.ids[number], outcomes[id] = id, sub(member, ${SHORT_LENGTH + 1})
    end
  end
end
local sources = {}
if running.ids[1] then push(sources, running) end
for _, key in ipairs(keys) do
  local source = { key = key }
  fill(source, from)
  if source.ids[1] then push(sources, source) end
end

-- The sources are a heap, the one with the newest job first: there may be thousands of tasks.
local function sink(place)
  local source, size = sources[place], #sources
  local id = source.ids[source.at]
  while 2 * place <= size do
    local child = 2 * place
    local newest = sources[child].ids[sources[child].at]
    local other = sources[child + 1]
    if other and isBefore(newest, other.ids[other.at]) then child, newest = child + 1, other.ids[other.at] end
    if isBefore(newest, id) then break end
    sources[place], place = sources[child], child
  end
  sources[place] = source
end
for place = math.floor(#sources / 2), 1, -1 do sink(place) end

-- The newest job of all sources.
local given
local function nextOf()
  if given then
    given.at = given.at + 1
    if given.key and given.at > page then fill(given, '(' .. given.ids[page]) end
    if not given.ids[given.at] then
      sources[1] = sources[#sources]
      sources[#sources] = nil
    end
    if sources[1] then sink(1) end
  end
  given = sources[1]
  return given and given.ids[given.at]
end

local answers, taken = {}, 0
while true do
  local ids = {}
  for number = 1, limit - taken do ids[number] = nextOf() end
  if #ids == 0 then break end
  load(ids)
  for _, id in ipairs(ids) do
    local job = show(id, false, isBrief)
    if job ~= 0 then
      taken = taken + 1
      answers[#answers + 1] = id
      answers[#answers + 1] = job
      if isFull then return { 1, answers } end
    end
  end
end
return { 0, answers }
`,
);

export type ListReply = readonly [isCut: number, jobs: readonly (string | RecordReply)[]];

export function listArguments({ status, task, before, limit, isBrief }: ListFilter): string[] {
  return [
    status === null ? "" : CODE_OF[status],
    task === null ? "" : `+${task}`,
    before === null ? "" : shorten(before),
    String(limit),
    isBrief ? "1" : "0",
  ];
}

export function listAnswer([isCut, jobs]: ListReply): Portion {
  const page: JobRecord[] = [];
  for (let at = 0; at < jobs.length; at += 2) {
    const record = recordOf(jobs[at + 1] as RecordReply, lengthen(jobs[at] as string));
    if (record !== null) page.push(record);
  }
  return { page, next: isCut === 1 ? lengthen(jobs.at(-2) as string) : null };
}
