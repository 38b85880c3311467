/** The address of a sentinel or a primary. */
export interface Node {
  readonly host: string;
  readonly port: number;
}

/** How to find a primary through the sentinels that watch it. */
export interface Sentinels {
  /** The name under which the sentinels know the primary. */
  readonly name: string;
  readonly nodes: readonly Node[];
  /** The login of the primary; a url cannot carry one for the sentinels themselves. */
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** Whether connections use TLS, to the sentinels and to the primary. */
  readonly isTls: boolean;
}

/** The default port of a sentinel, https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
const SENTINEL_PORT = 26_379;

const OF_SENTINELS = /^redis(s?)\+sentinel:\/\/(?:(.*)@)?([^/@]+)\/([^/?#]+)(?:\/(\d*))?$/i;

/**
 * Parses `redis+sentinel://user:password@host:26379,host:26379/name/0` or `rediss+sentinel://…`, where user, password, ports and
 * database are optional; `undefined` for any other url.
 */
export function sentinelsOf(url: string): Sentinels | undefined {
  const [, tls, secret = "", hosts, name, database = ""] = OF_SENTINELS.exec(url) ?? [];
  if (hosts === undefined || name === undefined) return undefined;
  try {
    const { username, password, host } = new URL(`redis://${secret}@host`);
    // An unescaped password can end the authority part early.
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

/** Whether connections to a url use TLS. */
export function isTls(url: string): boolean {
  return /^rediss/i.test(url);
}

/** What is wrong with a url as an address of Redis, to follow "is" in a message; `undefined` if nothing is. */
export function addressFault(url: unknown): string | undefined {
  const scheme = /^rediss?(\+sentinel)?:\/\//i.exec(String(url));
  if (typeof url !== "string" || scheme === null) return "not a redis:// or rediss:// address";
  const isOfSentinels = scheme[1] !== undefined;
  if (isOfSentinels ? sentinelsOf(url) !== undefined : isOfServer(url)) return undefined;
  const form = isOfSentinels
    ? "redis+sentinel://user:password@host:port,host:port/name"
    : "redis://user:password@host:port/database";
  return `not a valid ${form} address (without ? and #; in a password, encode special characters as encodeURIComponent() does, / as %2F)`;
}

/** Whether the package `redis` can read all of it: a database that is not a number would fail later, and a query be ignored. */
function isOfServer(url: string): boolean {
  try {
    const { username, password, pathname, search, hash } = new URL(url);
    decodeURIComponent(`${username}:${password}`);
    // An unescaped ? or # in a password ends the authority part early.
    return /^(\/\d*)?$/.test(pathname) && search === "" && hash === "";
  } catch {
    return false;
  }
}
