import { MAX_LOG_LINES } from "../../core/limits.ts";
import type { Patch } from "../../core/store.ts";

/** Appends what an attempt reported to a script's arguments, and returns the flags for it. */
export function reportArguments(args: string[], patch: Patch): string {
  let flags = "";
  if (patch.progress !== null) {
    const { fraction, done, total, message } = patch.progress;
    flags += "g";
    args.push(JSON.stringify([fraction, done, total, message]));
  }
  if (patch.usage !== null) {
    flags += "i";
    args.push(JSON.stringify(patch.usage));
  }
  if (patch.logs.length > 0) {
    flags += "n";
    args.push(String(patch.logs.length), ...patch.logs);
  }
  return flags;
}

/**
 * Stores what an attempt reported, and returns the job's flags after that. `what` lists the parts: `g` progress, `i` usage,
 * `n` log lines; their arguments follow in this order.
 */
export const REPORT: string = `
local function report(id, what, flags)
  for letter in string.gmatch(what, '[gi]') do
    pcall('HSET', base .. 'h' .. id, letter, take())
    flags = withFlag(flags, 'h')
  end
  if find(what, 'n', 1, true) then
    local count, key = tonumber(take()), base .. 'g' .. id
    for line = 1, count do
      if type(pcall('RPUSH', key, take())) == 'number' and line == count then call('LTRIM', key, -${MAX_LOG_LINES}, -1) end
    end
    flags = withFlag(flags, 'g')
  end
  return flags
end

-- Skips the arguments of a report that is refused.
local function skip(what)
  if find(what, 'g', 1, true) then take() end
  if find(what, 'i', 1, true) then take() end
  if find(what, 'n', 1, true) then
    local count = tonumber(take())
    place = place + count
  end
end
`;
