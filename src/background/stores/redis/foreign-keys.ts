import { PRELUDE } from "./prelude.ts";
import { type Script, script } from "./script.ts";

/**
 * Finds keys of another type in place of those that jobs and retention cannot do without. Some are used by calls of workers alone.
 *
 * - Returns: each such key, with its type.
 */
export const FOREIGN_KEYS: Script = script(
  PRELUDE,
  `
local found = {}
local function isOf(kind, name)
  local actual = call('TYPE', base .. name).ok
  if actual ~= kind and actual ~= 'none' then push(found, base .. name .. ' (a ' .. actual .. ')') end
  return actual == kind
end

local function members(name)
  return isOf('set', name) and call('SMEMBERS', base .. name) or {}
end

isOf('list', 'C')
isOf('hash', 'P')
for name in string.gmatch('ne', '.') do isOf('string', name) end
for name in string.gmatch('FGHI', '.') do isOf('zset', name) end
local versions = members('v')
for _, task in ipairs(members('t')) do
  for kind in string.gmatch('lwqcfx', '.') do isOf('zset', kind .. task) end
  for _, version in ipairs(versions) do isOf('zset', 'r' .. version .. ':' .. task) end
end
return found
`,
);
