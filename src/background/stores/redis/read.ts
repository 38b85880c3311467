import { MAX_CALL_BYTES } from "../../core/limits.ts";
import type { GetOptions, JobRecord } from "../../core/store.ts";
import { HEADS, OUTCOME, PRELUDE, RECORDS } from "./prelude.ts";
import { type RecordReply, recordOf } from "./records.ts";
import { type Script, script } from "./script.ts";
import { shortenAll } from "./short-id.ts";

/**
 * Collects the parts of a job; 0 if there is none. Parts that are stored separately are read only if the record refers to
 * them and they are wanted. Once `isFull`, at the limit of what one call returns, other jobs are left to the next call.
 */
export const SHOW: string = `
local bytes, isFull = 0, false
local function show(id, isDetailed, isBrief)
  local record = records[id]
  local head, at = headOf(record)
  if not head then return 0 end
  local function has(flag) return find(head.flags, flag, 1, true) end
  local function list(kind)
    local lines = pcall('LRANGE', base .. kind .. id, 0, -1)
    if lines.err then return {} end
    for _, line in ipairs(lines) do bytes = bytes + #line end
    return lines
  end
  local function text(kind)
    local value = pcall('GET', base .. kind .. id)
    if type(value) ~= 'string' then return false end
    bytes = bytes + #value
    return value
  end
  local stop = find(record, '\\n', at, true) or #record + 1
  local payload = ''
  if isDetailed then payload = #record > stop and sub(record, stop + 1) or text('p') or '' end
  local done, kept, result = string.match(outcomeOf(id, head) or '', '^(%d+)(.)(.*)$')
  local notes = has('h') and pcall('HGETALL', base .. 'h' .. id) or {}
  local shown = {
    sub(record, 1, at - 2),
    sub(record, at, stop - 1),
    payload,
    done or false,
    not isBrief and (kept == '=' and result or kept == '@' and text('o')),
    has('a') and list('a') or {},
    isDetailed and has('g') and list('g') or {},
    notes.err and {} or notes
  }
  isFull = bytes > ${MAX_CALL_BYTES}
  return shown
end
`;

/**
 * The records of jobs.
 *
 * - Arguments: `1` to include payload and logs; how long to hold the jobs; their ids concatenated.
 * - Returns: what `show` collects of each job, of as many as one call returns.
 */
export const GET: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  OUTCOME,
  SHOW,
  `
local isDetailed, hold = take() == '1', tonumber(take())
local heldUntil = hold > 0 and clock(pcall) + hold
local ids, answers = takeIds(), {}
load(ids)
for number, id in ipairs(ids) do
  if heldUntil and headOf(records[id]) then pcall('ZADD', base .. 'H', 'GT', heldUntil, id) end
  answers[number] = show(id, isDetailed)
  if isFull then break end
end
return answers
`,
);

export function getArguments(ids: readonly string[], { isDetailed, holdMs }: GetOptions): string[] {
  return [isDetailed ? "1" : "0", String(holdMs), shortenAll(ids)];
}

export function getAnswers(reply: readonly RecordReply[], ids: readonly string[]): (JobRecord | null)[] {
  return reply.map((record, at) => recordOf(record, ids[at] as string));
}
