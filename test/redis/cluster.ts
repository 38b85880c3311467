import { createClient } from "redis";
import { untilReplicaConfirms } from "./replicas.ts";
import { type RedisProcess, startRedis } from "./server.ts";

/** A small cluster for tests: primaries without replicas, each with its share of the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisProcess[];
  /** Moves a key's slot with all its keys to the next node, a few keys at a time, as `redis-cli --cluster reshard` does. */
  moveSlotOf(key: string): Promise<void>;
  /** Adds a replica to the node that has a key's slot; it is promoted when that node fails. */
  replicated(key: string): Promise<{ readonly primary: RedisProcess; readonly replica: RedisProcess }>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

const SETTINGS = {
  "cluster-enabled": "yes",
  "cluster-config-file": "nodes.conf",
  // Milliseconds after which a silent node counts as failed.
  "cluster-node-timeout": "1500",
  "repl-diskless-sync-delay": "0",
};

/** @param size how many nodes */
export async function startCluster(size: number): Promise<RedisCluster> {
  const starts = await Promise.allSettled(Array.from({ length: size }, () => startRedis(SETTINGS)));
  const nodes = starts.flatMap((start) => (start.status === "fulfilled" ? start.value : []));
  const failed = starts.find((start) => start.status === "rejected");
  if (failed !== undefined) {
    for (const node of nodes) await node.stop();
    throw failed.reason;
  }
  const replicas: RedisProcess[] = [];
  const stop = async () => void (await Promise.all([...nodes, ...replicas].map((node) => node.stop())));
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
  return {
    nodes,
    stop,
    moveSlotOf: (key) => moveSlotOf(key, nodes),
    async replicated(key) {
      const replica = await startRedis(SETTINGS);
      replicas.push(replica);
      return { primary: await joinAsReplica(key, replica, nodes), replica };
    },
  };
}

async function joinAsReplica(
  key: string,
  replica: RedisProcess,
  nodes: readonly RedisProcess[],
): Promise<RedisProcess> {
  const clients = await Promise.all([...nodes, replica].map(({ url }) => createClient({ url }).connect()));
  const own = clients.at(-1) as (typeof clients)[number];
  try {
    const slot = String(await own.sendCommand(["CLUSTER", "KEYSLOT", key]));
    const owners = clients.map((client) => ownsSlot(client.sendCommand(["CLUSTER", "NODES"]), slot));
    const owner = (await Promise.all(owners)).indexOf(true);
    const id = String(await clients[owner]?.sendCommand(["CLUSTER", "MYID"]));
    await own.sendCommand(["CLUSTER", "MEET", "127.0.0.1", String(nodes[0]?.port)]);
    await until(async () => String(await own.sendCommand(["CLUSTER", "NODES"])).includes(id));
    await own.sendCommand(["CLUSTER", "REPLICATE", id]);
    await until(async () => (await own.info("replication")).includes("master_link_status:up"));
    await untilReplicaConfirms(nodes[owner] as RedisProcess);
    // Nodes vote only for a replica that they know.
    for (const client of clients)
      await until(async () => String(await client.sendCommand(["CLUSTER", "NODES"])).includes(`slave ${id}`));
    return nodes[owner] as RedisProcess;
  } finally {
    for (const client of clients) client.destroy();
  }
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

/** Whether a node owns the slot, according to its own line in `CLUSTER NODES`, which lists single slots and ranges. */
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

function isJoined(client: { sendCommand(args: string[]): Promise<unknown> }, size: number): Promise<void> {
  return until(async () => {
    const info = String(await client.sendCommand(["CLUSTER", "INFO"]));
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${size}`);
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("The cluster did not get into the expected state.");
}
