import type { Node } from "./sentinels.ts";

/** Sentinels, and the primary that they watch. */
export interface Sentinels {
  /** Under which they know it. */
  readonly name: string;
  readonly nodes: readonly Node[];
  /** Of the primary: what sentinels themselves may ask for, a url does not say. */
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** Both they and the primary are spoken to by TLS. */
  readonly isTls: boolean;
}

/** https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
const SENTINEL_PORT = 26_379;

const OF_SENTINELS = /^redis(s?)\+sentinel:\/\/(?:(.*)@)?([^/@]+)\/([^/?#]+)(?:\/(\d*))?$/i;

/**
 * What a url `redis+sentinel://user:password@host:26379,host:26379/name/0` or `rediss+sentinel://…` names; `undefined` for any other.
 * User, password, ports and the database may be left out.
 */
export function sentinelsOf(url: string): Sentinels | undefined {
  const [, tls, secret = "", hosts, name, database = ""] = OF_SENTINELS.exec(url) ?? [];
  if (hosts === undefined || name === undefined) return undefined;
  try {
    const { username, password, host } = new URL(`redis://${secret}@host`);
    // A password that is not escaped ends where it should not.
    if (host !== "host") return undefined;
    return {
      name: decodeURIComponent(name),
      nodes: hosts.split(",").map(nodeOf),
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      database: Number(database),
      isTls: tls !== "",
    };
  } catch {
    return undefined;
  }
}

function nodeOf(text: string): Node {
  const { hostname, port } = new URL(`redis://${text}`);
  if (hostname === "") throw new TypeError("A node has no host.");
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || SENTINEL_PORT) };
}

/** What a url is, where it cannot be the address of Redis; `undefined` where it can. */
export function addressFault(url: unknown): string | undefined {
  const scheme = /^rediss?(\+sentinel)?:\/\//i.exec(String(url));
  if (typeof url !== "string" || scheme === null) return "no redis:// or rediss:// address";
  const isOfSentinels = scheme[1] !== undefined;
  if (isOfSentinels ? sentinelsOf(url) !== undefined : URL.canParse(url)) return undefined;
  const form = isOfSentinels
    ? "redis+sentinel://user:password@host:port,host:port/name"
    : "redis:// or rediss:// address";
  return `no ${form} that can be read: write a password as encodeURIComponent() does, / as %2F`;
}
