import type { Connect, Connection, Reply } from "./connection.ts";
import { COMMANDS, type FindingClient, open, openFinding, type SingleClient, SOCKET } from "./opening.ts";

/** A client of the `redis` package, from `createClient`, `createCluster` or `createSentinel`. */
export interface RedisClient {
  // Declared here, because the package and with it its types are optional.
  duplicate(overrides?: never): unknown;
}

interface NodeSettings {
  readonly socket?: object;
}

interface ClusterClient extends FindingClient {
  // Not documented, so it may be missing in another version.
  readonly _options?: { readonly defaults?: NodeSettings };
  sendCommand(key: string, isReadonly: boolean, args: readonly string[]): Promise<unknown>;
  multi(): ClusterCommands;
}

interface ClusterCommands {
  addCommand(key: string, isReadonly: boolean, args: readonly string[]): ClusterCommands;
  execAsPipeline(): Promise<unknown>;
}

interface SentinelClient extends FindingClient {
  sendCommand(isReadonly: boolean, args: readonly string[]): Promise<unknown>;
}

/** Connects like a client that the user passed in, which itself is never used, and is the user's to close. */
export function connectLike(client: RedisClient): Connect {
  const attempts = new Set<AbortController>();
  const connect = (onBroken: (error: unknown) => void) => {
    if ("slots" in client) return connectCluster(client, onBroken, attempts);
    return "getMasterNode" in client ? connectSentinel(client, onBroken) : connectSingle(client, onBroken);
  };
  // A sentinel client does not expose it.
  const { database = 0 } = (client as { options?: { database?: number } }).options ?? {};
  const giveUp = () => {
    for (const sockets of attempts) sockets.abort();
  };
  return Object.assign(connect, { prepare: async () => {}, giveUp, database });
}

/** @param attempts gets what ends the connections of a client for as long as it connects */
async function connectCluster(
  client: RedisClient,
  onBroken: (error: unknown) => void,
  attempts: Set<AbortController>,
): Promise<Connection> {
  const sockets = new AbortController();
  const defaults = endingWith(sockets.signal, (client as unknown as ClusterClient)._options?.defaults);
  // A queue is on one node: connecting to all would mean waiting for a dead one, even after its replacement.
  const own = { commandOptions: COMMANDS, minimizeConnections: true, defaults };
  const cluster = client.duplicate(own as never) as ClusterClient;
  attempts.add(sockets);
  return openFinding(cluster, sendingTo(cluster), onBroken, sockets).finally(() => attempts.delete(sockets));
}

/**
 * Settings of a cluster's nodes with which all connections end when the signal says so. Without, destroying the client would leave
 * behind those that are being made, and the package would go on opening others; each would keep the process alive.
 */
function endingWith(signal: AbortSignal, defaults: NodeSettings | undefined): object {
  return {
    ...defaults,
    // The package reads this for each connection.
    get socket() {
      signal.throwIfAborted();
      return { ...defaults?.socket, ...SOCKET, signal };
    },
  };
}

/** Commands that concern the node that runs them. */
const OF_A_NODE = new Set(["INFO", "TIME", "CONFIG"]);

/**
 * Sends to the node of a cluster that has a key. By itself the package routes a command by its request policy, to any node or to all
 * of them (https://redis.io/docs/latest/develop/reference/command-tips/), but a pipeline to the node of its key. A pipeline does not
 * follow a slot that has moved, though; a single command does.
 */
function sendingTo(cluster: ClusterClient): Pick<Connection, "send" | "sendAll"> {
  const toOne = (key: string, list: readonly (readonly string[])[]) => {
    const commands = cluster.multi();
    for (const args of list) commands.addCommand(key, false, args);
    return commands.execAsPipeline() as Promise<readonly Reply[]>;
  };
  const send = async (key: string, args: readonly string[]) =>
    OF_A_NODE.has(args[0] as string)
      ? ((await toOne(key, [args]))[0] as Reply)
      : ((await cluster.sendCommand(key, false, args)) as Reply);
  const sendAll = async (key: string, list: readonly (readonly string[])[]) => {
    // Follows the slot to its node. Harmless, since only repeatable commands are sent here.
    await send(key, list[0] as readonly string[]);
    return toOne(key, list);
  };
  return { send, sendAll };
}

async function connectSentinel(client: RedisClient, onBroken: (error: unknown) => void): Promise<Connection> {
  // With several connections to the primary, WAIT could refer to another one than that of the write. And only we may resend after
  // a break: the jobs of a claim that is sent twice would reach nobody.
  const own = { commandOptions: COMMANDS, masterPoolSize: 1, maxCommandRediscovers: 0 };
  const sentinel = client.duplicate(own as never) as SentinelClient;
  const send = (args: readonly string[]) => sentinel.sendCommand(false, args) as Promise<Reply>;
  const sending: Pick<Connection, "send" | "sendAll"> = {
    send: (_key, args) => send(args),
    sendAll: (_key, list) => Promise.all(list.map(send)),
  };
  return openFinding(sentinel, sending, onBroken);
}

async function connectSingle(client: RedisClient, onBroken: (error: unknown) => void): Promise<Connection> {
  const { socket } = (client as { options?: { socket?: object } }).options ?? {};
  const own = {
    commandOptions: COMMANDS,
    disableOfflineQueue: true,
    readonly: false,
    commandsQueueMaxLength: undefined,
    socket: { ...socket, ...SOCKET },
  };
  return open(client.duplicate(own as never) as SingleClient, onBroken);
}
