import { createClient } from "redis";
import type { Payload } from "../workload.ts";

const BATCH = 128;

/** Adds jobs to a list and a hash, without checking ids, and without further indexes or leases. */
const ADD = `
for n = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1] .. 'j' .. ARGV[n], 'p', ARGV[n + 1], 'c', ARGV[1])
  redis.call('RPUSH', KEYS[1] .. 'waiting', ARGV[n])
end`;

/** Stores the results of one batch and takes the next. */
const TURN = `
for n = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1] .. 'j' .. ARGV[n], 'o', ARGV[n + 1])
  redis.call('RPUSH', KEYS[1] .. 'completed', ARGV[n])
end
local answer = {}
for _, id in ipairs(redis.call('LPOP', KEYS[1] .. 'waiting', ${BATCH}) or {}) do
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('HGET', KEYS[1] .. 'j' .. id, 'p')
end
return answer`;

export const BARE = "{bare}:";

export async function addBare(url: string, jobs: readonly Payload[]): Promise<void> {
  const client = await createClient({ url, RESP: 2 }).connect();
  for (let from = 0; from < jobs.length; from += 1_000) {
    const args = jobs.slice(from, from + 1_000).flatMap((job, at) => [String(from + at), JSON.stringify(job)]);
    await client.sendCommand(["EVAL", ADD, "1", BARE, String(Date.now()), ...args]);
  }
  client.destroy();
}

/** A lower bound: the least that any queue does for a job, without any guarantee. */
export async function drainBare(url: string): Promise<() => Promise<void>> {
  const client = await createClient({ url, RESP: 2 }).connect();
  const handler = async (_payload: Payload): Promise<void> => {};
  return async () => {
    let ended: string[] = [];
    do {
      const claimed = (await client.sendCommand(["EVAL", TURN, "1", BARE, ...ended])) as string[];
      ended = [];
      for (let at = 0; at < claimed.length; at += 2) {
        const result = await handler(JSON.parse(claimed[at + 1] as string));
        ended.push(claimed[at] as string, JSON.stringify(result ?? null));
      }
    } while (ended.length > 0);
  };
}

/** Adds a job and signals it. */
const ADD_AND_SIGNAL = `${ADD}
redis.call('PUBLISH', KEYS[1] .. 'ready', '')`;

/** A lower bound of the time until a job starts: one script adds and signals it, and another one takes it. */
export async function addOneBare(url: string): Promise<{ add(id: string): Promise<void>; close(): void }> {
  const client = await createClient({ url, RESP: 2 }).connect();
  return {
    add: async (id) => void (await client.sendCommand(["EVAL", ADD_AND_SIGNAL, "1", BARE, "0", id, "{}"])),
    close: () => client.destroy(),
  };
}

export async function stampBare(url: string, handler: () => Promise<void>): Promise<() => Promise<void>> {
  const client = await createClient({ url, RESP: 2 }).connect();
  const listener = await createClient({ url, RESP: 2 }).connect();
  return () =>
    listener.subscribe(`${BARE}ready`, async () => {
      const claimed = (await client.sendCommand(["EVAL", TURN, "1", BARE])) as string[];
      for (let at = 0; at < claimed.length; at += 2) await handler();
    });
}
