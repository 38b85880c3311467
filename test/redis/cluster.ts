import { createClient } from "redis";
import { type RedisProcess, startRedis } from "./server.ts";

/** A small cluster of the tests' own: primaries alone, each with its share of the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisProcess[];
  /** Moves the slot of a key and all that is in it to the next node, a few keys at a time, as `redis-cli --cluster reshard` does. */
  moveSlotOf(key: string): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** @param size how many nodes */
export async function startCluster(size: number): Promise<RedisCluster> {
  const settings = { "cluster-enabled": "yes", "cluster-config-file": "nodes.conf" };
  const nodes = await Promise.all(Array.from({ length: size }, () => startRedis(settings)));
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  const clients = nodes.map(({ url }) => createClient({ url }));
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const share = Math.ceil(SLOTS / size);
    for (const [at, client] of clients.entries()) {
      const slots = Array.from({ length: Math.min(share, SLOTS - at * share) }, (_, n) => String(at * share + n));
      await client.sendCommand(["CLUSTER", "ADDSLOTS", ...slots]);
      await client.sendCommand(["CLUSTER", "MEET", "127.0.0.1", String(nodes[0]?.port)]);
    }
    for (const client of clients) await isJoined(client, size);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    for (const client of clients) client.destroy();
  }
  return { nodes, stop, moveSlotOf: (key) => moveSlotOf(key, nodes) };
}

async function moveSlotOf(key: string, nodes: readonly RedisProcess[]): Promise<void> {
  const clients = await Promise.all(nodes.map(({ url }) => createClient({ url }).connect()));
  const ask = (node: number, ...command: string[]) => clients[node]?.sendCommand(command) as Promise<unknown>;
  try {
    const ids = await Promise.all(nodes.map((_, node) => ask(node, "CLUSTER", "MYID").then(String)));
    const slot = String(await ask(0, "CLUSTER", "KEYSLOT", key));
    const owners = await Promise.all(nodes.map((_, node) => ownsSlot(ask(node, "CLUSTER", "NODES"), slot)));
    const from = owners.indexOf(true);
    const to = (from + 1) % nodes.length;
    await ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from] as string);
    await ask(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to] as string);
    const where = ["127.0.0.1", String(nodes[to]?.port), "", "0", "5000"];
    for (;;) {
      const keys = (await ask(from, "CLUSTER", "GETKEYSINSLOT", slot, "10")) as string[];
      if (keys.length === 0) break;
      await ask(from, "MIGRATE", ...where, "KEYS", ...keys);
    }
    for (const node of [to, ...nodes.keys()]) await ask(node, "CLUSTER", "SETSLOT", slot, "NODE", ids[to] as string);
  } finally {
    for (const client of clients) client.destroy();
  }
}

/** Whether the slot is among those that the node's own line of `CLUSTER NODES` names, as single ones or from one to another. */
async function ownsSlot(nodes: Promise<unknown>, slot: string): Promise<boolean> {
  const own =
    String(await nodes)
      .split("\n")
      .find((line) => line.includes("myself")) ?? "";
  const ranges = own
    .split(" ")
    .slice(8)
    .map((range) => range.split("-").map(Number));
  return ranges.some(([first = -1, last = first]) => first <= Number(slot) && Number(slot) <= last);
}

async function isJoined(client: { sendCommand(args: string[]): Promise<unknown> }, size: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const info = String(await client.sendCommand(["CLUSTER", "INFO"]));
    if (info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${size}`)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("The cluster's nodes did not find each other.");
}
