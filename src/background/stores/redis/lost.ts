import { SHORT_LENGTH } from "./short-id.ts";

/** The floor: a time before which no lease ends, so that most claims need not look for lost jobs. */
export const FLOOR = `
local function readFloor()
  return tonumber(call('GET', base .. 'e'))
end

local function lower(floor, endsAt)
  if floor and endsAt < floor then call('SET', base .. 'e', endsAt) end
end
`;

/** Takes over jobs whose lease has expired, the longest overdue first. Until the floor there are none. */
export const LOST: string = `
local floor, leaseSets = readFloor(), nil
if lostLimit > 0 and (not floor or floor <= now) then
  local lost, lostIds = {}, {}
  leaseSets = {}
  for _, version in ipairs(call('SMEMBERS', base .. 'v')) do
    for _, task in ipairs(call('SMEMBERS', base .. 't')) do
      leaseSets[#leaseSets + 1] = { base .. 'r' .. version .. ':' .. task, tonumber(version) or 0, task }
    end
  end
  for _, leaseSet in ipairs(leaseSets) do
    if leaseSet[2] <= maxVersion then
      local page = call('ZRANGEBYSCORE', leaseSet[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, lostLimit)
      for at = 1, #page, 2 do lost[#lost + 1] = { page[at], tonumber(page[at + 1]), leaseSet } end
    else
      fit(leaseSet[1])
    end
  end
  table.sort(lost, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return isBefore(a[1], b[1])
  end)
  for number = 1, math.min(lostLimit, #lost) do lostIds[number] = sub(lost[number][1], 1, ${SHORT_LENGTH}) end
  load(lostIds)
  for number, id in ipairs(lostIds) do
    local member, leaseSet, task, record = lost[number][1], lost[number][3][1], lost[number][3][3], records[id]
    local front = frontOf(record)
    local head = front.head
    local isItsOwn, payload = not head or member == id .. head.token, nil
    if front.plan and head.status == 'r' and isItsOwn then
      payload = sub(record, front.payloadAt)
      if payload == '' then payload = payloadApart(id) end
    end
    if isTooMuch then break end
    drop(leaseSet, member)
    if payload then
      write(id, headWith(head, { token = token }) .. sub(record, front.at))
      pushPair(leasesOf(leaseSet), endsAt, id .. token)
      give(id, front, payload)
      tellMore(head.attempts .. ' ' .. head.first .. ' ' .. head.since, has(head, 'h') and note(id, 'i') or '', head.worker)
    elseif isItsOwn then
      setAside(id, task, front, 'r')
    end
  end
end
`;

/** After looking for lost jobs, and once all leases are written: the next end of a lease becomes the floor. */
export const NEXT_LOST: string = `
if leaseSets then
  floor = now + 3600000
  for _, leaseSet in ipairs(leaseSets) do
    local first = call('ZRANGE', leaseSet[1], 0, 0, 'WITHSCORES')
    if first[2] then floor = math.min(floor, tonumber(first[2])) end
  end
  call('SET', base .. 'e', floor)
end
`;
