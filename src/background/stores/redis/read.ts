import type { GetOptions, JobRecord } from "../../core/store.ts";
import { PRELUDE } from "./prelude.ts";
import { type RecordReply, recordOf } from "./records.ts";
import { type Script, script } from "./script.ts";
import { shorten } from "./short-id.ts";

/**
 * Gathers all of a job; 0 where there is none. Large texts and lists are read where the hash tells of them, or where
 * they are wanted.
 */
export const SHOW = `
local function show(id, isDetailed)
  local job = pcall('HGETALL', base .. 'j' .. id)
  if job.err or #job == 0 then return 0 end
  local by = {}
  for at = 1, #job, 2 do by[job[at]] = job[at + 1] end
  if not by['k'] or not by['s'] then return 0 end
  local function list(kind)
    local lines = pcall('LRANGE', base .. kind .. id, 0, -1)
    return lines.err and {} or lines
  end
  local function text(kind)
    local value = pcall('GET', base .. kind .. id)
    return type(value) == 'string' and value
  end
  return {
    job,
    by['x'] and list('a') or {},
    isDetailed and list('g') or {},
    isDetailed and (by['p'] or text('p')) or '',
    string.sub(by['s'], 1, 1) == 'c' and not by['o'] and text('o')
  }
end
`;

/**
 * The records of jobs.
 *
 * - Arguments: 1 if payload and logs are wanted, for how long to hold the jobs; then their ids.
 * - Returns: what \`show\` gathers of each.
 */
export const GET: Script = script(
  "get",
  PRELUDE,
  SHOW,
  `
local now = clock(pcall)
local isDetailed, hold = take() == '1', tonumber(take())
local answers = {}
while place < #ARGV do
  local id = take()
  local held = hold > 0 and fields(id, 'h', 's')
  if held and held[2] and now + hold > (tonumber(held[1]) or 0) then
    pcall('HSET', base .. 'j' .. id, 'h', now + hold)
  end
  answers[#answers + 1] = show(id, isDetailed)
end
return answers
`,
);

export function getArguments(ids: readonly string[], { isDetailed, holdMs }: GetOptions): string[] {
  return [isDetailed ? "1" : "0", String(holdMs), ...ids.map(shorten)];
}

export function getAnswers(reply: readonly RecordReply[], ids: readonly string[]): (JobRecord | null)[] {
  return reply.map((record, at) => recordOf(record, ids[at] as string));
}
