import type { Connection } from "../app/connection.ts";
import { JobError } from "../background/core/errors.ts";
import { shown } from "../background/core/text.ts";
import { HttpError } from "./http-error.ts";
import { KnownCredentials } from "./known-credentials.ts";
import { hostNameOf, isLoopbackAddress, isLoopbackName } from "./loopback.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { within } from "./within.ts";

/** An authenticated user. */
export interface Identity {
  /** Recorded as `cancelledBy` of jobs that the user cancels. */
  readonly name?: string | undefined;
  /** `read` may see everything, `write` may also make changes. */
  readonly role: "read" | "write";
}

/**
 * Authenticates a request by its cookies or headers; `null` refuses it with 401.
 *
 * @example
 * ```ts
 * const auth: Auth = async (request) => {
 *   const user = await sessionOf(request.headers.get("cookie"));
 *   return user && { name: user.email, role: user.isAdmin ? "write" : "read" };
 * };
 * ```
 */
export type Auth = (request: Request) => Identity | null | Promise<Identity | null>;

export interface GuardOptions {
  readonly auth?: Auth | undefined;
  /** Whether all changes are refused. */
  readonly readOnly?: boolean;
  /** Host names accepted in addition to loopback, such as `"ops.example.com"`. Default: any with `auth`, else none. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins accepted in addition to the request's own, such as `"https://ops.example.com"`. Default: none. */
  readonly origins?: readonly string[] | undefined;
  readonly rate: Rate;
  /** How long `auth` may take. */
  readonly timeoutMs: number;
  /** The clock, in milliseconds; for tests. */
  readonly now?: (() => number) | undefined;
}

/** What a request is for: reading data, making a change, or a page, to which a link on another site may lead. */
export type Access = "read" | "write" | "page";

/**
 * Headers that proxies add, and the values that are accepted all the same: development servers, such as Next's, forward
 * requests from this machine with loopback addresses in these headers.
 */
const FORWARDING_HEADERS: Readonly<Record<string, (value: string) => boolean>> = {
  forwarded: () => false,
  via: () => false,
  "x-real-ip": isLoopbackAddress,
  "x-forwarded-for": isLoopbackAddress,
  "x-forwarded-host": (value) => isLoopbackName(hostNameOf(value) ?? ""),
};
/** The rate limit that all unauthenticated clients of a network share, unless the configured one is lower. */
const UNAUTHENTICATED_RATE: Rate = { perSecond: 5, burst: 20 };
const LOCAL: Identity = { role: "write" };

/**
 * Accepts or refuses requests. The dashboard's pages and its API share one guard.
 *
 * For the reason of each check, see docs/decisions/0006-http-security.md.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: ReadonlySet<string> | null;
  readonly #origins: ReadonlySet<string>;
  readonly #rate: RateLimit;
  /** A limit of their own, so that unauthenticated requests do not use up the rate of the others. */
  readonly #unauthenticatedRate: RateLimit;
  readonly #known = new KnownCredentials();

  /** @throws JobError `invalid_option` */
  constructor(options: GuardOptions) {
    const { hosts, origins = [], rate, now } = options;
    this.#options = options;
    this.#hosts = hosts === undefined ? null : new Set(checkList(hosts, "hosts").map(toHostName));
    this.#origins = new Set(checkList(origins, "origins").map(toOrigin));
    this.#rate = new RateLimit(rate, now);
    const perSecond = Math.min(rate.perSecond, UNAUTHENTICATED_RATE.perSecond);
    const burst = Math.min(rate.burst, UNAUTHENTICATED_RATE.burst);
    this.#unauthenticatedRate = new RateLimit({ perSecond, burst }, now);
  }

  /**
   * Checks a request, and resolves with the user who sent it.
   *
   * @throws HttpError 401, 403, 415, 429, 503; whatever `auth` throws
   */
  async check(request: Request, access: Access, connection: Connection = {}): Promise<Identity> {
    this.#checkHost(request, connection);
    this.#checkOrigin(request, access);
    if (access === "write") checkIsJson(request);
    const identity = await this.#identify(request, connection.incoming?.socket?.remoteAddress);
    if (access === "write") {
      if (this.#options.readOnly)
        throw new HttpError(403, "read_only", "This API is read-only: nothing can be changed.");
      if (identity.role !== "write") throw new HttpError(403, "forbidden", "You may read, but not change anything.");
    }
    return identity;
  }

  /** Whether this user may make changes. */
  mayWrite(identity: Identity): boolean {
    return identity.role === "write" && !this.#options.readOnly;
  }

  async #identify(request: Request, remote: string | undefined): Promise<Identity> {
    const { auth } = this.#options;
    const network = networkOf(remote ?? "");
    if (auth === undefined) {
      charge(this.#rate, network);
      return LOCAL;
    }
    const { known, end, fail } = await this.#known.lookUp(request);
    const [limit, payer] = known === undefined ? [this.#unauthenticatedRate, network] : [this.#rate, known];
    try {
      // Charged before `auth` is called, so that a client over its limit cannot tell a right guess from a wrong one.
      charge(limit, payer);
      const identity = await this.#authenticate(auth, request).catch((error: unknown) => {
        limit.refund(payer);
        fail(error);
        throw error;
      });
      const client = identity === null ? null : (identity.name ?? network);
      end(client);
      if (identity === null || client === null) {
        throw new HttpError(401, "unauthorized", "Authentication is required: this request has no valid credentials.");
      }
      if (client !== known) {
        // Refunded only if the client itself is within its limit, or calls of `auth` would be unlimited.
        charge(this.#rate, client);
        limit.refund(payer);
      }
      return identity;
    } finally {
      end();
    }
  }

  async #authenticate(auth: Auth, request: Request): Promise<Identity | null> {
    const identity = await within(this.#options.timeoutMs, Promise.resolve(auth(request)));
    return identity?.role === "read" || identity?.role === "write" ? identity : null;
  }

  /** Prevents DNS rebinding: a page elsewhere could make its own host name resolve to this machine, and be same-origin. */
  #checkHost(request: Request, { incoming }: Connection): void {
    const names = [hostOf(request), new URL(request.url).host].map(hostNameOf);
    const isAllowed = (name: string) => isLoopbackName(name) || this.#hosts?.has(name) === true;
    const isOpen = this.#options.auth !== undefined && this.#hosts === null;
    if (!names.every((name) => name !== null && (isOpen || isAllowed(name)))) {
      throw new HttpError(
        403,
        "host_not_allowed",
        "Requests to this host are not allowed. Without the auth option, only requests to localhost are; with the hosts option, also those to the hosts listed there.",
      );
    }
    if (this.#options.auth !== undefined) return;
    const isProxied = Object.entries(FORWARDING_HEADERS).some(([name, isLocal]) => {
      const values = request.headers.get(name)?.split(",") ?? [];
      return !values.every((value) => isLocal(value.trim()));
    });
    // A connection that the client has already closed has no address any more: it may have come from anywhere.
    if (isProxied || (incoming !== undefined && !isLoopbackAddress(incoming.socket?.remoteAddress ?? ""))) {
      throw new HttpError(
        403,
        "not_local",
        "Without the auth option, only requests from this machine are allowed, and none that a proxy forwards.",
      );
    }
  }

  /** Prevents cross-site requests: browsers state the origin in headers that pages cannot change. */
  #checkOrigin(request: Request, access: Access): void {
    const { headers } = request;
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site");
    const isNavigation = access === "page" && headers.get("sec-fetch-mode") === "navigate";
    const isForeignSite = site !== null && site !== "same-origin" && (site !== "none" || access === "write");
    const isAllowed = origin === null ? !isForeignSite || isNavigation : this.#isAllowed(origin, request);
    // For an origin of the option, the browser rightly says that the site is foreign.
    const isListed = origin !== null && this.#origins.has(origin.toLowerCase());
    if (isAllowed && (isListed || isNavigation || !isForeignSite)) return;
    throw new HttpError(
      403,
      "cross_origin",
      "Requests from pages of other origins are not allowed, except those listed in the origins option.",
    );
  }

  #isAllowed(origin: string, request: Request): boolean {
    if (this.#origins.has(origin.toLowerCase())) return true;
    if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return false;
    // Behind a proxy that terminates TLS the scheme is unknown here, so only the host is compared.
    const { host, origin: normal } = new URL(origin);
    return (
      normal.toLowerCase() === origin.toLowerCase() && withoutPort(host) === withoutPort(hostOf(request).toLowerCase())
    );
  }
}

function checkList(given: unknown, name: string): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw new JobError("invalid_option", `The ${name} option must be an array of strings, not ${shown(given)}.`);
}

/** Normalizes a host name for comparison. Ports are ignored. */
function toHostName(given: unknown): string {
  const name = typeof given === "string" ? hostNameOf(given) : null;
  if (name !== null) return name;
  throw new JobError(
    "invalid_option",
    `The hosts option takes host names such as "ops.example.com", not ${shown(given)}.`,
  );
}

/** Normalizes an origin to the form that browsers send. */
function toOrigin(given: unknown): string {
  if (typeof given === "string" && /^[a-z][a-z\d+.-]*:\/\/[^/?#@]+\/?$/i.test(given) && URL.canParse(given)) {
    const { origin } = new URL(given);
    // `URL` gives "null" for the origins of browser extensions.
    return (origin === "null" ? given.replace(/\/$/, "") : origin).toLowerCase();
  }
  throw new JobError(
    "invalid_option",
    `The origins option takes origins such as "https://ops.example.com", not ${shown(given)}.`,
  );
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** Removes a default port, which may be given or omitted. */
function withoutPort(host: string): string {
  return host.replace(/:(?:80|443)$/, "");
}

/** Forms cannot send JSON, and pages of other origins only after a CORS preflight. */
function checkIsJson(request: Request): void {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return;
  throw new HttpError(415, "not_json", "Changes must be sent as JSON: set content-type: application/json.");
}

function charge(limit: RateLimit, client: string): void {
  const waitS = limit.take(client);
  if (waitS === 0) return;
  throw new HttpError(429, "too_many_requests", `Too many requests: try again in ${waitS} s.`, {
    "retry-after": String(waitS),
  });
}
