import { parsed } from "../../core/parsed.ts";
import { presenceOf } from "../../core/presence.ts";
import type { Census, StatusCounts } from "../../core/store.ts";
import { PRELUDE } from "./prelude.ts";
import { type Script, script } from "./script.ts";

/**
 * Counts jobs and lists workers.
 *
 * - Returns: the time; for each task its name and five counts by status; for each worker its id and what it reported about itself.
 */
export const COUNT: Script = script(
  PRELUDE,
  `
local _, stamp = clock(pcall)
local versions, tasks = call('SMEMBERS', base .. 'v'), {}
for _, task in ipairs(call('SMEMBERS', base .. 't')) do
  local running = 0
  for _, version in ipairs(versions) do running = running + call('ZCOUNT', base .. 'r' .. version .. ':' .. task, '-inf', '(+inf') end
  local pending = call('ZCARD', base .. 'l' .. task) + call('ZCARD', base .. 'q' .. task)
  local done = { call('ZCARD', base .. 'c' .. task), call('ZCARD', base .. 'f' .. task), call('ZCARD', base .. 'x' .. task) }
  if pending + running + done[1] + done[2] + done[3] > 0 then
    tasks[#tasks + 1] = { task, pending, running, done[1], done[2], done[3] }
  end
end
local workers = {}
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'G', '(' .. stamp, '+inf')) do
  local about = call('HGET', base .. 'P', id)
  if about then workers[#workers + 1] = { id, about } end
end
return { stamp, tasks, workers }
`,
);

export type CountReply = readonly [
  now: string,
  tasks: readonly (readonly [string, number, number, number, number, number])[],
  workers: readonly (readonly [string, string])[],
];

export function census([now, tasks, workers]: CountReply): Census {
  const counts = new Map<string, StatusCounts>();
  for (const [task, pending, running, completed, failed, cancelled] of tasks) {
    counts.set(task, { pending, running, completed, failed, cancelled });
  }
  const present = workers.map(([id, about]) => presenceOf(id, parsed(about)));
  return { at: Number(now), tasks: counts, workers: present.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}
