import type { HandedJob } from "../../core/store.ts";
import { kindOf, planOf } from "./records.ts";
import { lengthen } from "./short-id.ts";
import { WAITING_MS } from "./waiting-stores.ts";
import { textOf } from "./words.ts";

/**
 * A waiting worker offers to take one more job: `O<store>` then holds its name, a token, the length of a lease, and the lanes,
 * for as long as its store counts as waiting. The script that enqueues a job claims it for that worker, and the message that
 * would wake the worker delivers the job, which saves the worker's claim. The key then holds `=`, the token and the id, so that
 * the worker's next claim returns the job if the message was lost.
 */

/** The message that hands a job over; its record is as it was enqueued, with nothing that is stored separately. */
const MESSAGE = `
local function messageOf(token, worker, id, startedAt, kind, body)
  return token .. ' ' .. worker .. ' ' .. id .. ' ' .. startedAt .. '\\n' .. kind .. '\\n' .. body
end
`;

/** Hands a job that is about to join its line to a store with an offer for it. Returns whether it did. */
export const HAND: string = `
${MESSAGE}
local function handTo(store, id, record)
  local text = pcall('GET', base .. 'O' .. store)
  local worker, token, lasts, lanes = string.match(type(text) == 'string' and text or '', '^(%S*) (%S+) ([1-9]%d*)( .+)$')
  local head, at = headOf(record)
  -- The store may be listed for this lane because of an earlier claim, and offer other lanes now.
  if not token or #lasts > 12 or not find(lanes, ' ' .. head.lane .. ' ', 1, true) then return false end
  -- Everything that can fail comes before the first write; on failure the job joins its line.
  local floor, heard = pcall('GET', base .. 'e'), pcall('PUBSUB', 'NUMSUB', base .. '!' .. store)
  if type(pcall('ZCARD', head.running)) ~= 'number' or type(floor) == 'table' then return false end
  -- A store may be subscribed at another node of a cluster: PUBLISH would reach it there, but not count it here.
  if heard.err or heard[2] == 0 then return false end
  isFit[head.running] = true
  local body, endsAt = sub(record, at), textOf(now + lasts)
  call('SET', base .. 'j' .. id, headWith(head, { status = 'r', token = token, attempts = '1', first = stamp, worker = worker }) .. body)
  -- Instead of adding it to its line.
  adds = {}
  pushPair(leasesOf(head.running), endsAt, id .. token)
  floor = tonumber(floor)
  if floor and now + lasts < floor then call('SET', base .. 'e', endsAt) end
  call('SET', base .. 'O' .. store, '=' .. token .. ' ' .. id, 'PX', lasts)
  send(store, messageOf(token, worker, id, stamp, head.kind, body))
  return true
end
`;

/** Makes an offer, and reads what the previous one received: the message with the job, and its lane. */
export const OFFER: string = `
${MESSAGE}
local function offer(store, worker, token, lasts, lanes)
  local text = worker .. ' ' .. token .. ' ' .. lasts .. ' ' .. table.concat(lanes, ' ') .. ' '
  call('SET', base .. 'O' .. store, text, 'PX', ${WAITING_MS})
end

-- Only reads, since the claim may still fail: the offer ends with its last writes.
local function receivedBy(store)
  local text = pcall('GET', base .. 'O' .. store)
  local token, id = string.match(type(text) == 'string' and text or '', '^=(%S+) (%S+)$')
  if not token then return '' end
  load({ id })
  local head, at = headOf(records[id])
  if not head or head.status ~= 'r' or head.token ~= token or outcomeOf(id, head) then return '' end
  return messageOf(token, head.worker, id, head.first, head.kind, sub(records[id], at)), head.lane
end
`;

/** Whether a message hands a job over, rather than naming lanes. */
export function isHandover(message: string): boolean {
  return message.includes("\n");
}

/** Parses the message that hands a job over. */
export function handedOf(message: string): HandedJob {
  const [first = "", kind = "", plan = "", ...payload] = message.split("\n");
  const [token = "", worker = "", id = "", startedAt] = first.split(" ");
  const { task, v } = kindOf(kind);
  return {
    token: textOf(token),
    job: {
      v,
      id: lengthen(id),
      task,
      payload: payload.join("\n"),
      ...planOf(plan),
      isLost: false,
      worker: textOf(worker),
      attempts: 1,
      attemptedAt: Number(startedAt),
      usage: null,
    },
  };
}
