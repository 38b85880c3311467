import { JobError } from "../../core/errors.ts";
import { packageFault } from "../../core/package-fault.ts";
import { type Sentinels, sentinelsOf } from "./address.ts";
import { bounded } from "./bounded.ts";
import type { Connect, Connection, Reply } from "./connection.ts";
import { codeOf, isReply } from "./faults.ts";
import { primaryOf } from "./sentinels.ts";

/** A client of the `redis` package, from `createClient`, `createCluster` or `createSentinel`. */
export interface RedisClient {
  // Declared here, because the package and with it its types are optional.
  duplicate(overrides?: never): unknown;
}

interface SingleClient {
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  on(event: "error" | "end" | "node-error", listener: (error?: unknown) => void): unknown;
  on(event: "topology-change", listener: (change: { readonly type: string }) => void): unknown;
  ref(): void;
  unref(): void;
  destroy(): void;
}

/** A client of several servers, which picks the one to ask itself. */
interface FindingClient extends Omit<SingleClient, "sendCommand" | "ref" | "unref" | "destroy"> {
  destroy(): unknown;
}

interface ClusterClient extends FindingClient {
  readonly _options: { readonly defaults?: { readonly socket?: object } };
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

/** Limit for connecting including the first answer, in milliseconds: the package limits connecting alone. */
const ANSWERED_MS = 2_000;
/** The same if the package may try several servers in turn. */
const FINDING_MS = 10_000;

/** `%`, the type of maps, which only RESP3 has, https://redis.io/docs/latest/develop/reference/protocol-spec/#maps. */
const MAPS = 37;
/** Timeouts are ours, and answers have the same form in both protocols, whatever mapping a user's client has. */
const COMMANDS = { timeout: 0, typeMapping: { [MAPS]: Array } };

/** Broken connections are replaced by our code, with its timeouts, and not by the package. */
const SOCKET = { reconnectStrategy: false, connectTimeout: ANSWERED_MS, keepAlive: true, keepAliveInitialDelay: 5_000 };

/** Connects to a url. Loads the package on first use, since it is optional. */
export function connectTo(url: string): Connect {
  const sentinels = sentinelsOf(url);
  return sentinels === undefined ? connectToServer(url) : connectByWayOf(sentinels);
}

/** The url may be that of any node of a cluster: all keys of a queue are in one slot, and `MOVED` names its node. */
function connectToServer(url: string): Connect {
  let node: string | undefined;
  const connect = (onBroken: (error: unknown) => void) =>
    dial({ url: node ?? url }, onBroken).catch((error) => {
      // The node may be gone; the one in the url knows its successor.
      node = undefined;
      throw error;
    });
  const follow = (error: unknown) => {
    node = nodeOf(error, url) ?? node;
  };
  // Parsed as the package does.
  const database = Number(new URL(url).pathname.slice(1)) || 0;
  return Object.assign(connect, { prepare: templateOfAll, follow, database });
}

/** Asks the sentinels for each connection: a replaced primary drops its connections or refuses writes. */
function connectByWayOf({ name, nodes, isTls, ...login }: Sentinels): Connect {
  const tls = isTls ? { tls: true } : {};
  const connect = async (onBroken: (error: unknown) => void) => {
    const primary = await primaryOf(name, nodes, (node) => dial({ socket: { ...node, ...tls } }, () => {}));
    return dial({ ...login, socket: { ...primary, ...tls } }, onBroken);
  };
  return Object.assign(connect, { prepare: templateOfAll, database: login.database });
}

async function dial(
  { socket, ...address }: { readonly url?: string; readonly socket?: object },
  onBroken: (error: unknown) => void,
): Promise<Connection> {
  const options = {
    ...address,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    commandOptions: COMMANDS,
    // A copy, because the package writes host and port into it.
    socket: { ...socket, ...SOCKET },
  };
  const connection = await open((await templateOfAll()).duplicate(options as never) as SingleClient, onBroken);
  // For CLIENT LIST; a user with few rights may not set it.
  connection.send("", ["CLIENT", "SETNAME", "rapidai"]).catch(() => {});
  return connection;
}

/** The url with the address from an error such as `MOVED 3999 127.0.0.1:6381`; an empty host means the same one. */
function nodeOf(error: unknown, url: string): string | undefined {
  const [, host, port] = /^MOVED \d+ (.*):(\d+)$/.exec(error instanceof Error ? error.message : "") ?? [];
  if (port === undefined) return undefined;
  const node = new URL(url);
  if (host) node.hostname = host.includes(":") ? `[${host}]` : host;
  node.port = port;
  return node.href;
}

/** Never connected: all clients are duplicates of this one, since the package takes 50 ms to make one from scratch. */
let template: Promise<RedisClient> | undefined;

function templateOfAll(): Promise<RedisClient> {
  template ??= makeTemplate().catch((error) => {
    template = undefined;
    throw error;
  });
  return template;
}

async function makeTemplate(): Promise<RedisClient> {
  const { createClient } = await loadRedis();
  return createClient({ RESP: 2 });
}

/** Connects like a client that the user passed in, which itself is never used, and is the user's to close. */
export function connectLike(client: RedisClient): Connect {
  const attempts = new Set<AbortController>();
  const connect = async (onBroken: (error: unknown) => void) => {
    const overrides = { commandOptions: COMMANDS };
    if ("slots" in client) {
      // A queue is on one node: connecting to all would mean waiting for a dead one, even after its replacement.
      const sockets = new AbortController();
      const defaults = endingWith(sockets.signal, (client as unknown as ClusterClient)._options.defaults);
      const own = { minimizeConnections: true, defaults };
      const cluster = client.duplicate({ ...overrides, ...own } as never) as ClusterClient;
      attempts.add(sockets);
      return openFinding(cluster, sendingTo(cluster), onBroken, sockets).finally(() => attempts.delete(sockets));
    }
    if ("getMasterNode" in client) {
      // With several connections to the primary, WAIT could refer to another one than that of the write. And only we may resend
      // after a break: the jobs of a claim that is sent twice would reach nobody.
      const own = { masterPoolSize: 1, maxCommandRediscovers: 0 };
      const sentinel = client.duplicate({ ...overrides, ...own } as never) as SentinelClient;
      const send = (args: readonly string[]) => sentinel.sendCommand(false, args) as Promise<Reply>;
      const sending = {
        send: (_key: string, args: readonly string[]) => send(args),
        sendAll: (_key: string, list: readonly (readonly string[])[]) => Promise.all(list.map(send)),
      };
      return openFinding(sentinel, sending, onBroken);
    }
    const { socket } = (client as { options?: { socket?: object } }).options ?? {};
    const own = { disableOfflineQueue: true, readonly: false, commandsQueueMaxLength: undefined };
    const single = { ...overrides, ...own, socket: { ...socket, ...SOCKET } };
    return open(client.duplicate(single as never) as SingleClient, onBroken);
  };
  // A sentinel client does not expose it.
  const { database = 0 } = (client as { options?: { database?: number } }).options ?? {};
  const giveUp = () => {
    for (const sockets of attempts) sockets.abort();
  };
  return Object.assign(connect, { prepare: async () => {}, giveUp, database });
}

/**
 * Settings of a cluster's nodes with which all connections end when the signal says so. Without, destroying the client would leave
 * behind those that are being made, and the package would go on opening others; each would keep the process alive.
 */
function endingWith(signal: AbortSignal, defaults: ClusterClient["_options"]["defaults"]): object {
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

async function open(client: SingleClient, onBroken: (error: unknown) => void): Promise<Connection> {
  const connect = async () => {
    await client.connect();
    await greet(client);
  };
  // From the start: only calls that wait for the connection keep the process alive.
  client.unref();
  await begin(client, connect, ANSWERED_MS, onBroken);
  const send = (args: readonly string[]) => client.sendCommand(args) as Promise<Reply>;
  return {
    send: (_key, args) => send(args),
    sendAll: (_key, list) => Promise.all(list.map(send)),
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    keepAlive: (isNeeded) => (isNeeded ? client.ref() : client.unref()),
    destroy: () => void end(client),
  };
}

async function openFinding(
  client: FindingClient,
  sending: Pick<Connection, "send" | "sendAll">,
  onBroken: (error: unknown) => void,
  sockets?: AbortController,
): Promise<Connection> {
  try {
    await begin(client, () => client.connect(), FINDING_MS, onBroken);
  } catch (error) {
    sockets?.abort();
    throw error;
  }
  return {
    ...sending,
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    // Not possible with such a client: its connections keep the process alive until the queue is closed.
    keepAlive: () => {},
    destroy: () => {
      void end(client);
      sockets?.abort();
    },
  };
}

async function begin(
  client: Pick<FindingClient, "on" | "destroy">,
  connect: () => Promise<unknown>,
  withinMs: number,
  onBroken: (error: unknown) => void,
): Promise<void> {
  let isConnected = false;
  let lastError: unknown;
  // One of several servers may be down: its error is the cause only if connecting fails.
  client.on("error", (error) => {
    if (isConnected) onBroken(error);
    else lastError = error;
  });
  // Cluster: the client itself would retry that node for ever.
  client.on("node-error", (error) => onBroken(error));
  // Sentinels: the client itself would go on with another server, and which one acknowledged what would be unknown.
  client.on("topology-change", ({ type }) => {
    if (isConnected && type === "MASTER_CHANGE") onBroken(new Error("another server became the primary"));
  });
  client.on("end", () => onBroken(new Error("the connection was closed")));
  try {
    await bounded(connect(), withinMs, undefined, false);
    isConnected = true;
  } catch (error) {
    void end(client);
    throw isReply(error) ? error : (lastError ?? error);
  }
}

/**
 * Fails unless Redis answers. A socket that dials a local port on which nobody listens may be given that same port as its own, and
 * then talks to itself (simultaneous open, https://www.rfc-editor.org/rfc/rfc9293#section-3.5).
 */
async function greet(client: SingleClient): Promise<void> {
  try {
    const answer = await client.sendCommand(["PING"]);
    if (String(answer) !== "PONG") throw new Error("its answer to a PING shows that it is not Redis");
  } catch (error) {
    // An error reply is proof of Redis, too: the user may have no right to PING. But a server at its client limit closes the
    // connection after its error.
    if (!isReply(error) || codeOf(error) === "FULL") throw error;
  }
}

async function end(client: Pick<FindingClient, "destroy">): Promise<void> {
  try {
    await client.destroy();
  } catch {
    // Already closed.
  }
}

async function loadRedis(): Promise<typeof import("redis")> {
  try {
    return await import("redis");
  } catch (error) {
    throw new JobError("backend_unavailable", packageFault("RedisQueue", ["redis"], error), { cause: error });
  }
}
