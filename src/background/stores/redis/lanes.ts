/**
 * Reads the lanes of a claim and decides which jobs are taken, in which order: within a lane by due time, merging its line with
 * the waiting jobs that have become due; among lanes by turns.
 */
export const LANES = `
local lanes, lateOf = {}, {}
while place < #ARGV do
  local lane = { name = take(), left = tonumber(take()), line = {}, late = {}, taken = 0 }
  if lane.name == handedLane then lane.left = math.max(0, lane.left - 1) end
  lane.most = math.min(lane.left, limit)
  if lane.most > 0 then
    lane.line = call('ZRANGE', base .. 'l' .. lane.name, '0', lane.most - 1)
    lane.late = call('ZRANGEBYSCORE', base .. 'w' .. lane.name, '-inf', stamp, 'WITHSCORES', 'LIMIT', '0', lane.most)
  else
    -- They are read later for the next due job.
    fit(base .. 'l' .. lane.name)
    fit(base .. 'w' .. lane.name)
  end
  lane.most = math.min(lane.most, #lane.line + #lane.late / 2)
  lanes[#lanes + 1] = lane
end

-- Lanes get equal shares; what one does not use goes to the others.
local left, open = limit, #lanes
while open > 0 and left > 0 do
  local share = math.max(1, math.floor(left / open))
  open = 0
  for _, lane in ipairs(lanes) do
    local more = math.min(share, lane.most - lane.taken, left)
    lane.taken, left = lane.taken + more, left - more
    if lane.taken < lane.most then open = open + 1 end
  end
end

for _, lane in ipairs(lanes) do
  local line, late = lane.line, lane.late
  lane.order, lane.inLine = line, lane.taken
  -- Merges the line with waiting jobs that have become due.
  if late[1] then
    local lateIds, order, inLine, at = {}, {}, 0, 1
    for number = 1, #late, 2 do push(lateIds, late[number]) end
    load(line)
    load(lateIds)
    for number = 1, lane.taken do
      local id, lateId = line[inLine + 1], late[at]
      if id and lateId then
        local head, planAt = headOf(records[id])
        local plan = head and planOf(records[id], planAt)
        local due, lateDue = plan and plan.due or 0, tonumber(late[at + 1])
        if lateDue < due or (lateDue == due and isBefore(lateId, id)) then id = nil end
      end
      if id then
        inLine = inLine + 1
      else
        at = at + 2
        local head = headOf(records[lateId])
        lateOf[lateId] = { due = late[at - 1], task = head and head.task or lane.name }
        drop(base .. 'w' .. lane.name, lateId)
        drop(base .. 'q' .. lateOf[lateId].task, lateId)
      end
      order[number] = id or lateId
    end
    lane.order, lane.inLine = order, inLine
  end
end

-- One job of each lane per round.
local turns = {}
if #lanes == 1 then
  turns = lanes[1].order
else
  local rounds = 0
  for _, lane in ipairs(lanes) do rounds = math.max(rounds, lane.taken) end
  for round = 1, rounds do
    for _, lane in ipairs(lanes) do
      if round <= lane.taken then push(turns, lane.order[round]) end
    end
  end
end

local function laneOf(id)
  for _, lane in ipairs(lanes) do
    for at = 1, lane.taken do
      if lane.order[at] == id then return lane.name end
    end
  end
end
`;
