import { createClient } from "redis";
import { type RedisProcess, startRedis } from "./server.ts";

/** A small cluster of the tests' own: primaries alone, each with its share of the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisProcess[];
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
  return { nodes, stop };
}

async function isJoined(client: { sendCommand(args: string[]): Promise<unknown> }, size: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const info = String(await client.sendCommand(["CLUSTER", "INFO"]));
    if (info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${size}`)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("The cluster's nodes did not find each other.");
}
