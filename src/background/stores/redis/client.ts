import { JobError } from "../../core/errors.ts";
import { packageFault } from "../../core/package-fault.ts";
import { type Node, type Sentinels, sentinelsOf } from "./address.ts";
import type { Connect, Connection } from "./connection.ts";
import { SWITCHED } from "./faults.ts";
import { COMMANDS, open, type SingleClient, SOCKET } from "./opening.ts";
import { watchPrimary } from "./primary-watch.ts";
import { primaryOf } from "./sentinels.ts";
import type { RedisClient } from "./users-client.ts";

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

/** Asks the sentinels for each connection, and breaks it when they announce another primary. */
function connectByWayOf({ name, nodes, isTls, ...login }: Sentinels): Connect {
  const tls = isTls ? { tls: true } : {};
  const dialSentinel = (node: Node, onBroken: () => void) => dial({ socket: { ...node, ...tls } }, onBroken);
  const connect = async (onBroken: (error: unknown) => void) => {
    let primary: Node | undefined;
    // From the start: a primary that hung may answer after it was replaced.
    const endWatch = watchPrimary(name, nodes, dialSentinel, ({ host, port }) => {
      if (host !== primary?.host || port !== primary.port) onBroken(new Error(SWITCHED));
    });
    try {
      primary = await primaryOf(name, nodes, (node) => dialSentinel(node, () => {}));
      const connection = await dial({ ...login, socket: { ...primary, ...tls } }, onBroken);
      const destroy = () => {
        endWatch();
        connection.destroy();
      };
      return { ...connection, destroy };
    } catch (error) {
      endWatch();
      throw error;
    }
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

async function loadRedis(): Promise<typeof import("redis")> {
  try {
    return await import("redis");
  } catch (error) {
    throw new JobError("backend_unavailable", packageFault("RedisQueue", ["redis"], error), { cause: error });
  }
}
