import { JobError } from "../../core/errors.ts";
import { bounded } from "./bounded.ts";
import { codeOf, isReply } from "./faults.ts";

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
}

interface SingleClient {
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
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
  const connect = async (onBroken: (error: unknown) => void) => {
    const options = {
      url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      commandOptions: COMMANDS,
      // A copy: the package writes host and port into it.
      socket: { ...SOCKET },
    };
    const connection = await open((await templateOfAll()).duplicate(options as never) as SingleClient, onBroken);
    // For whoever looks at the server's connections; a user with few rights may not give it a name.
    connection.send("", ["CLIENT", "SETNAME", "rapidai"]).catch(() => {});
    return connection;
  };
  return Object.assign(connect, { prepare: templateOfAll });
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
      const cluster = client.duplicate(overrides as never) as ClusterClient;
      return openFinding(cluster, (key, args) => cluster.sendCommand(key, false, args), onBroken);
    }
    if ("getMasterNode" in client) {
      const sentinel = client.duplicate(overrides as never) as SentinelClient;
      return openFinding(sentinel, (_key, args) => sentinel.sendCommand(false, args), onBroken);
    }
    const { socket } = (client as { options?: { socket?: object } }).options ?? {};
    const single = { ...overrides, disableOfflineQueue: true, socket: { ...socket, ...SOCKET } };
    return open(client.duplicate(single as never) as SingleClient, onBroken);
  };
  return Object.assign(connect, { prepare: async () => {} });
}

async function open(client: SingleClient, onBroken: (error: unknown) => void): Promise<Connection> {
  const connect = async () => {
    await client.connect();
    await greet(client);
  };
  await begin(client, connect, ANSWERED_MS, onBroken);
  client.unref();
  return {
    send: (_key, args) => client.sendCommand(args) as Promise<Reply>,
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    hold: (isHeld) => (isHeld ? client.ref() : client.unref()),
    destroy: () => void end(client),
  };
}

async function openFinding(
  client: FindingClient,
  send: (key: string, args: readonly string[]) => Promise<unknown>,
  onBroken: (error: unknown) => void,
): Promise<Connection> {
  await begin(client, () => client.connect(), FINDING_MS, onBroken);
  return {
    send: (key, args) => send(key, args) as Promise<Reply>,
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
  client.on("error", (error) => onBroken(error));
  client.on("end", () => onBroken(new Error("the connection was closed")));
  try {
    await bounded(connect(), withinMs);
  } catch (error) {
    void end(client);
    throw error;
  }
}

/**
 * Fails where it is not Redis that answers. Who dials a port of this machine where nobody listens may be given that very port
 * for the own end, and then talks to itself (two ends that open at once, https://www.rfc-editor.org/rfc/rfc9293#section-3.5).
 */
async function greet(client: SingleClient): Promise<void> {
  try {
    const answer = await client.sendCommand(["PING"]);
    if (String(answer) !== "PONG") throw new Error("what listens there is not Redis, by its answer to a PING");
  } catch (error) {
    // Whoever refuses in Redis' words is Redis; but one that takes no more clients closes the connection behind them.
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
    throw new JobError("backend_unavailable", "RedisQueue needs the package redis: npm install redis", {
      cause: error,
    });
  }
}
