/**
 * Sets aside a job that an index lists but that cannot be claimed, unless its record belongs to another index. A record that we
 * cannot have written becomes a failed job, where people see it, instead of coming back for ever.
 */
export const DAMAGED = `
local damaged = {}
local function setAside(id, lane, front, expected)
  local head = front.head
  if head and head.status ~= expected then return end
  -- Its task may be unknown.
  for _, name in ipairs(call('SMEMBERS', base .. 't')) do drop(base .. 'q' .. name, id) end
  local record = records[id]
  if not record then
    for kind in string.gmatch('pohag', '.') do call('UNLINK', base .. kind .. id) end
    return
  end
  local plan = head and planOf(record, front.at)
  local kind = head and head.kind or lane
  local task = head and head.task or lane
  write(id, 'f ' .. stamp .. ' ag - 0 0 0  ' .. kind .. '\\n' .. (plan and textOf(plan.created) or stamp) .. ' 0\\n')
  add(base .. 'f' .. task, '0', id)
  add(base .. 'F', stamp, id)
  pushPair(damaged, id, task)
end

-- Once everything that can fail is done.
local function explainDamage()
  for at = 1, #damaged, 2 do
    local id, task = damaged[at], damaged[at + 1]
    call('UNLINK', base .. 'h' .. id)
    remember(id, 0, '', stamp, stamp,
      '{"name":"JobError","message":"Its record in Redis is damaged: somebody or something else wrote it.","stack":null}')
    call('SADD', base .. 't', task)
  end
end
`;
