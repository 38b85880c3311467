import { bounded } from "./bounded.ts";
import type { Connection, Reply } from "./connection.ts";
import { codeOf, isReply, SWITCHED } from "./faults.ts";

/** What is used of the package's client of one server. */
export interface SingleClient {
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
export interface FindingClient extends Omit<SingleClient, "sendCommand" | "ref" | "unref" | "destroy"> {
  destroy(): unknown;
}

/** Limit for connecting including the first answer, in milliseconds: the package limits connecting alone. */
const ANSWERED_MS = 2_000;
/** The same if the package may try several servers in turn. */
const FINDING_MS = 10_000;

/** `%`, the type of maps, which only RESP3 has, https://redis.io/docs/latest/develop/reference/protocol-spec/#maps. */
const MAPS = 37;
/** Timeouts are ours, and answers have the same form in both protocols, whatever mapping a user's client has. */
export const COMMANDS: object = { timeout: 0, typeMapping: { [MAPS]: Array } };

/** Broken connections are replaced by our code, with its timeouts, and not by the package. */
export const SOCKET: object = {
  reconnectStrategy: false,
  connectTimeout: ANSWERED_MS,
  keepAlive: true,
  keepAliveInitialDelay: 5_000,
};

/** Connects a client of one server. */
export async function open(client: SingleClient, onBroken: (error: unknown) => void): Promise<Connection> {
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

/** Connects a client of several servers; `sockets`, if given, ends with it. */
export async function openFinding(
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
    if (isConnected && type === "MASTER_CHANGE") onBroken(new Error(SWITCHED));
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
