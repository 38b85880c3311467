import { JobError } from "../../core/errors.ts";
import { packageFault } from "../../core/package-fault.ts";
import { type Sentinels, sentinelsOf } from "./address.ts";
import { bounded } from "./bounded.ts";
import { codeOf, isReply } from "./faults.ts";
import { primaryOf } from "./sentinels.ts";

/** A client of the `redis` package, from `createClient`, `createCluster` or `createSentinel`. */
export interface RedisClient {
  // Said in our own words: the package is optional, and its types are only there when it is.
  duplicate(overrides?: never): unknown;
}

export type Reply = string | number | null | readonly Reply[];

/** One connection to Redis, which is not used again once it broke. */
export interface Connection {
  /** Sends a command; `key` says to which node of a cluster. */
  send(key: string, args: readonly string[]): Promise<Reply>;
  /** Sends commands one behind the other over one connection. */
  sendAll(key: string, list: readonly (readonly string[])[]): Promise<readonly Reply[]>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Whether the process stays alive for its sake. */
  hold(isHeld: boolean): void;
  destroy(): void;
}

/** Makes a connection and calls back when it broke. */
export interface Connect {
  (onBroken: (error: unknown) => void): Promise<Connection>;
  /** Loads what connecting needs. What that takes is not the server's silence, so it comes before any time is measured. */
  prepare(): Promise<unknown>;
  /** The next connection goes to where an error says that the queue has moved. */
  follow?(error: unknown): void;
  /** The number of the server's database, where that can be told; default 0. */
  readonly database?: number;
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

/** One that has connections of its own to several servers, and finds out which of them to ask. */
interface FindingClient extends Omit<SingleClient, "sendCommand" | "ref" | "unref" | "destroy"> {
  destroy(): unknown;
}

interface ClusterClient extends FindingClient {
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

/** Within which a connection is made and has answered for the first time: the package bounds the making alone. */
const ANSWERED_MS = 2_000;
/** The same where the package may ask several servers, one after the other. */
const FINDING_MS = 10_000;

/** `%`: what only the newer of Redis' two protocols has, https://redis.io/docs/latest/develop/reference/protocol-spec/#maps. */
const MAPS = 37;
/** Waiting is bounded here, and answers are the same of either protocol, whatever their owner has his client make of them. */
const COMMANDS = { timeout: 0, typeMapping: { [MAPS]: Array } };

/** A connection that broke is replaced here, where waiting is bounded, and not behind our back. */
const SOCKET = { reconnectStrategy: false, connectTimeout: ANSWERED_MS, keepAlive: true, keepAliveInitialDelay: 5_000 };

/** Connects to a url. The package is loaded now, so that only who uses Redis needs it. */
export function connectTo(url: string): Connect {
  const sentinels = sentinelsOf(url);
  return sentinels === undefined ? connectToServer(url) : connectByWayOf(sentinels);
}

/** Of a cluster it may be any node: all keys of a queue lie in one slot, and who does not have it says who has. */
function connectToServer(url: string): Connect {
  let node: string | undefined;
  const connect = (onBroken: (error: unknown) => void) =>
    dial({ url: node ?? url }, onBroken).catch((error) => {
      // It may be gone, and the first one knows which one took its place.
      node = undefined;
      throw error;
    });
  const follow = (error: unknown) => {
    node = nodeOf(error, url) ?? node;
  };
  // As the package reads it.
  const database = Number(new URL(url).pathname.slice(1)) || 0;
  return Object.assign(connect, { prepare: templateOfAll, follow, database });
}

/** A primary that was replaced breaks its connections or refuses to write, and the next connection asks anew. */
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
    // A copy: the package writes host and port into it.
    socket: { ...socket, ...SOCKET },
  };
  const connection = await open((await templateOfAll()).duplicate(options as never) as SingleClient, onBroken);
  // For whoever looks at the server's connections; a user with few rights may not give it a name.
  connection.send("", ["CLIENT", "SETNAME", "rapidai"]).catch(() => {});
  return connection;
}

/** The url with the address in place of its own that an error names: `MOVED 3999 127.0.0.1:6381`, without a host for the same one. */
function nodeOf(error: unknown, url: string): string | undefined {
  const [, host, port] = /^MOVED \d+ (.*):(\d+)$/.exec(error instanceof Error ? error.message : "") ?? [];
  if (port === undefined) return undefined;
  const node = new URL(url);
  if (host) node.hostname = host.includes(":") ? `[${host}]` : host;
  node.port = port;
  return node.href;
}

/** Never connected: all clients are made of this one, since one made anew takes the package 50 ms. */
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

/** Connects as a client does that was handed in; it itself is left alone, and remains its owner's to close. */
export function connectLike(client: RedisClient): Connect {
  const connect = async (onBroken: (error: unknown) => void) => {
    const overrides = { commandOptions: COMMANDS };
    if ("slots" in client) {
      // A queue is at one node; to connect to all of them means to wait for one that is gone, also when another took its place.
      const cluster = client.duplicate({ ...overrides, minimizeConnections: true } as never) as ClusterClient;
      return openFinding(cluster, sendingTo(cluster), onBroken);
    }
    if ("getMasterNode" in client) {
      // With several to the primary, WAIT could speak of another one than the write before it. And what is sent again after a
      // connection broke is decided here: a claim that is made twice has jobs that nobody hears of.
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
  // One that asks sentinels keeps it to itself.
  const { database = 0 } = (client as { options?: { database?: number } }).options ?? {};
  return Object.assign(connect, { prepare: async () => {}, database });
}

/** Commands that are about the node that carries them out. */
const OF_A_NODE = new Set(["INFO", "TIME", "CONFIG"]);

/**
 * How to send to the node of a cluster that has a key. The package sends a command to where its policy says: to any node, or to all
 * of them and puts their answers together (https://redis.io/docs/latest/develop/reference/command-tips/); in a pipeline, all to one.
 * But a pipeline does not follow a slot that has moved, as a script does that is sent alone.
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
    // Finds the node, and harms nobody: whatever may be sent again can be sent twice.
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
  // While it is made as well: who waits for it keeps the process alive, and nobody else.
  client.unref();
  await begin(client, connect, ANSWERED_MS, onBroken);
  const send = (args: readonly string[]) => client.sendCommand(args) as Promise<Reply>;
  return {
    send: (_key, args) => send(args),
    sendAll: (_key, list) => Promise.all(list.map(send)),
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    hold: (isHeld) => (isHeld ? client.ref() : client.unref()),
    destroy: () => void end(client),
  };
}

async function openFinding(
  client: FindingClient,
  sending: Pick<Connection, "send" | "sendAll">,
  onBroken: (error: unknown) => void,
): Promise<Connection> {
  await begin(client, () => client.connect(), FINDING_MS, onBroken);
  return {
    ...sending,
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    // Such a client has no say in this: its connections keep a process alive until the queue is closed.
    hold: () => {},
    destroy: () => void end(client),
  };
}

async function begin(
  client: Pick<FindingClient, "on" | "destroy">,
  connect: () => Promise<unknown>,
  withinMs: number,
  onBroken: (error: unknown) => void,
): Promise<void> {
  let isConnected = false;
  let told: unknown;
  // Of several servers that a client may ask one may be gone: only if none answers is that why it did not connect.
  client.on("error", (error) => {
    if (isConnected) onBroken(error);
    else told = error;
  });
  // Of a cluster: the client itself would try that node for ever.
  client.on("node-error", (error) => onBroken(error));
  // Of sentinels: the client itself would go on with another server, and nobody could tell which one has acknowledged what.
  client.on("topology-change", ({ type }) => {
    if (isConnected && type === "MASTER_CHANGE") onBroken(new Error("another server took the primary's place"));
  });
  client.on("end", () => onBroken(new Error("the connection was closed")));
  try {
    await bounded(connect(), withinMs, undefined, false);
    isConnected = true;
  } catch (error) {
    void end(client);
    throw isReply(error) ? error : (told ?? error);
  }
}

/**
 * Fails where it is not Redis that answers. Who dials a port of this machine where nobody listens may be given that very port
 * for its own end, and then talks to itself (two ends that open at once, https://www.rfc-editor.org/rfc/rfc9293#section-3.5).
 */
async function greet(client: SingleClient): Promise<void> {
  try {
    const answer = await client.sendCommand(["PING"]);
    if (String(answer) !== "PONG") throw new Error("what listens there is not Redis, by its answer to a PING");
  } catch (error) {
    // Whoever refuses in Redis' words is Redis, and a user may have no right to PING. But one that takes no more clients closes the
    // connection behind them.
    if (!isReply(error) || codeOf(error) === "FULL") throw error;
  }
}

async function end(client: Pick<FindingClient, "destroy">): Promise<void> {
  try {
    await client.destroy();
  } catch {
    // It was closed already.
  }
}

async function loadRedis(): Promise<typeof import("redis")> {
  try {
    return await import("redis");
  } catch (error) {
    throw new JobError("backend_unavailable", packageFault("RedisQueue", ["redis"], error), { cause: error });
  }
}
