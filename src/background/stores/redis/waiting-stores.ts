import { PRELUDE } from "./prelude.ts";
import { type Script, script } from "./script.ts";

/**
 * How long a store counts as waiting for jobs, in milliseconds: longer than its worker waits between two claims, yet short if it
 * is cut off.
 */
export const WAITING_MS = 2_500;

/**
 * Registers a store for jobs of any lane, until it claims for the first time.
 *
 * - Argument: the store.
 */
export const AWAIT: Script = script(
  PRELUDE,
  `
relieve()
local now, stamp = clock(call)
call('ZREMRANGEBYSCORE', base .. 'I', '-inf', stamp)
call('ZADD', base .. 'I', now + ${WAITING_MS}, take())
return 1
`,
);

/**
 * Signals jobs that became pending: for each lane to one or two of the stores that wait for it, not to all. A store that claims
 * some and leaves others wakes the next. If none waits for the lane, signals a store that has not claimed yet.
 */
export const WAKE = `
local function wakeSome(waiting, message, now, most, hand)
  -- A message without a receiver was for a dead worker, or for one that listens at another node of a cluster.
  local misses = 3
  while most > 0 and misses > 0 do
    local who = pcall('ZPOPMAX', waiting)
    if who.err or not who[1] then return most end
    if tonumber(who[2]) > now then
      if hand and hand(who[1]) or send(who[1], message) > 0 then most = most - 1 else misses = misses - 1 end
    end
  end
  return most
end

-- Takes the number of new pending jobs by lane; hand() may hand over the job if there is only one.
local function wake(lanes, now, hand)
  local others = {}
  for lane, count in pairs(lanes) do
    if wakeSome(base .. 'i' .. lane, lane, now, math.min(count, 2), hand) > 0 then others[#others + 1] = lane end
  end
  if #others > 0 then wakeSome(base .. 'I', table.concat(others, ' '), now, 1) end
end
`;
