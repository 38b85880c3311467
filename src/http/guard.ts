import type { Connection } from "../app/connection.ts";
import { JobError } from "../background/core/errors.ts";
import { shown } from "../background/core/text.ts";
import { HttpError } from "./http-error.ts";
import { KnownCredentials } from "./known-credentials.ts";
import { hostNameOf, isLoopbackAddress, isLoopbackName } from "./loopback.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { within } from "./within.ts";

/** Who sends a request, and what they may do. */
export interface Identity {
  /** Noted with what they cancel. */
  readonly name?: string | undefined;
  /** `read` sees everything, `write` also changes. */
  readonly role: "read" | "write";
}

/**
 * Says who sends a request, from its cookies or headers; `null` refuses it with 401.
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
  /** Whether nobody may change anything. */
  readonly readOnly?: boolean | undefined;
  /** Host names beside loopback's that requests may be sent to, such as `"ops.example.com"`. Default: with `auth` any. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins beside the request's own whose pages may ask and change something: `"https://ops.example.com"`. Default: none. */
  readonly origins?: readonly string[] | undefined;
  readonly rate: Rate;
  /** How long `auth` may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Milliseconds; for tests. */
  readonly now?: (() => number) | undefined;
}

/** What a request asks for: an answer for a program, a change, or a page that a link elsewhere may lead to. */
export type Access = "read" | "write" | "page";

/**
 * Headers that say that somebody else has passed the request on, and what may stand in them all the same: development
 * servers, such as that of Next, pass on what they got from this machine and say so.
 */
const FORWARDED: Readonly<Record<string, (value: string) => boolean>> = {
  forwarded: () => false,
  via: () => false,
  "x-real-ip": isLoopbackAddress,
  "x-forwarded-for": isLoopbackAddress,
  "x-forwarded-host": (value) => isLoopbackName(hostNameOf(value) ?? ""),
};
/** What all strangers of a network may try; less where the rate is less. */
const STRANGERS: Rate = { perSecond: 5, burst: 20 };
const LOCAL: Identity = { role: "write" };

/**
 * Lets requests in, or says why not. The dashboard stands behind the same one as the API.
 *
 * Why each check is there: docs/decisions/0006-http-security.md.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: ReadonlySet<string> | null;
  readonly #origins: ReadonlySet<string>;
  readonly #rate: RateLimit;
  /** Those who were not let in yet, or are refused, take nothing from the others. */
  readonly #strangers: RateLimit;
  readonly #known = new KnownCredentials();

  /** @throws JobError `invalid_option` */
  constructor(options: GuardOptions) {
    const { hosts, origins = [], rate, now } = options;
    this.#options = options;
    this.#hosts = hosts === undefined ? null : new Set(checkList(hosts, "hosts").map(toHostName));
    this.#origins = new Set(checkList(origins, "origins").map(toOrigin));
    this.#rate = new RateLimit(rate, now);
    const perSecond = Math.min(rate.perSecond, STRANGERS.perSecond);
    this.#strangers = new RateLimit({ perSecond, burst: Math.min(rate.burst, STRANGERS.burst) }, now);
  }

  /**
   * Who sends the request.
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
        throw new HttpError(403, "read_only", "Nothing can be changed here: it is read-only.");
      if (identity.role !== "write") throw new HttpError(403, "forbidden", "You may look, but not change anything.");
    }
    return identity;
  }

  /** Whether somebody with this identity may change something. */
  mayWrite(identity: Identity): boolean {
    return identity.role === "write" && !this.#options.readOnly;
  }

  async #identify(request: Request, remote: string | undefined): Promise<Identity> {
    const { auth } = this.#options;
    const network = networkOf(remote ?? "");
    if (auth === undefined) {
      pay(this.#rate, network);
      return LOCAL;
    }
    const { known, end, fail } = await this.#known.look(request);
    const [limit, payer] = known === undefined ? [this.#strangers, network] : [this.#rate, known];
    try {
      // Before it is asked: a right guess must not be told from a wrong one by those who may not guess.
      pay(limit, payer);
      const identity = await this.#ask(auth, request).catch((error: unknown) => {
        limit.giveBack(payer);
        fail(error);
        throw error;
      });
      const client = identity === null ? null : (identity.name ?? network);
      end(client);
      if (identity === null || client === null) {
        throw new HttpError(401, "unauthorized", "Say who you are: this request has no valid credentials.");
      }
      if (client !== known) {
        // Not back to who asks too often, or there would be no bound on how often `auth` is asked.
        pay(this.#rate, client);
        limit.giveBack(payer);
      }
      return identity;
    } finally {
      end();
    }
  }

  async #ask(auth: Auth, request: Request): Promise<Identity | null> {
    const identity = await within(this.#options.timeoutMs, Promise.resolve(auth(request)));
    return identity?.role === "read" || identity?.role === "write" ? identity : null;
  }

  /** Without it, a page anywhere could have its own name lead to this machine, and then be of the same origin. */
  #checkHost(request: Request, { incoming }: Connection): void {
    const names = [hostOf(request), new URL(request.url).host].map(hostNameOf);
    const isAllowed = (name: string) => isLoopbackName(name) || this.#hosts?.has(name) === true;
    const isOpen = this.#options.auth !== undefined && this.#hosts === null;
    if (!names.every((name) => name !== null && (isOpen || isAllowed(name)))) {
      throw new HttpError(
        403,
        "host_not_allowed",
        "Requests to this host are not answered. Without the option auth only those to localhost are; with hosts, those to the hosts named.",
      );
    }
    if (this.#options.auth !== undefined) return;
    const isPassedOn = Object.entries(FORWARDED).some(([name, isLocal]) => {
      const values = request.headers.get(name)?.split(",") ?? [];
      return !values.every((value) => isLocal(value.trim()));
    });
    // One that its client has closed already has no address any more, and may have come from anywhere.
    if (isPassedOn || (incoming !== undefined && !isLoopbackAddress(incoming.socket?.remoteAddress ?? ""))) {
      throw new HttpError(
        403,
        "not_local",
        "Without the option auth only requests from this machine are answered, and not those that a proxy passes on.",
      );
    }
  }

  /** A browser says where a request comes from, and no page can make it say otherwise. */
  #checkOrigin(request: Request, access: Access): void {
    const { headers } = request;
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site");
    const isVisit = access === "page" && headers.get("sec-fetch-mode") === "navigate";
    const isForeignSite = site !== null && site !== "same-origin" && (site !== "none" || access === "write");
    const isOwn = origin === null ? !isForeignSite || isVisit : this.#isAllowed(origin, request);
    // An origin that was allowed by name comes from elsewhere, and the browser says so.
    const isNamed = origin !== null && this.#origins.has(origin.toLowerCase());
    if (isOwn && (isNamed || isVisit || !isForeignSite)) return;
    throw new HttpError(
      403,
      "cross_origin",
      "Requests of pages from elsewhere are not answered, but for those of the option origins.",
    );
  }

  #isAllowed(origin: string, request: Request): boolean {
    if (this.#origins.has(origin.toLowerCase())) return true;
    if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return false;
    // Behind a proxy that ends TLS the scheme is not known here, so that the host alone is compared.
    const { host, origin: normal } = new URL(origin);
    return (
      normal.toLowerCase() === origin.toLowerCase() && withoutPort(host) === withoutPort(hostOf(request).toLowerCase())
    );
  }
}

function checkList(given: unknown, name: string): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw new JobError("invalid_option", `The option ${name} has to be a list of texts, and is ${shown(given)}.`);
}

/** As it is compared: a port is looked at nowhere. */
function toHostName(given: unknown): string {
  const name = typeof given === "string" ? hostNameOf(given) : null;
  if (name !== null) return name;
  throw new JobError("invalid_option", `The option hosts takes names such as "ops.example.com", not ${shown(given)}.`);
}

/** As browsers send it. */
function toOrigin(given: unknown): string {
  if (typeof given === "string" && /^[a-z][a-z\d+.-]*:\/\/[^/?#@]+\/?$/i.test(given) && URL.canParse(given)) {
    const { origin } = new URL(given);
    // That of a browser's extension, which URL knows none of.
    return (origin === "null" ? given.replace(/\/$/, "") : origin).toLowerCase();
  }
  throw new JobError(
    "invalid_option",
    `The option origins takes origins such as "https://ops.example.com", not ${shown(given)}.`,
  );
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** A default port may be said or not. */
function withoutPort(host: string): string {
  return host.replace(/:(?:80|443)$/, "");
}

/** What no form and no page from elsewhere can send without asking first. */
function checkIsJson(request: Request): void {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return;
  throw new HttpError(415, "not_json", "Changes are sent as JSON: set content-type: application/json.");
}

function pay(limit: RateLimit, client: string): void {
  const waitS = limit.take(client);
  if (waitS === 0) return;
  throw new HttpError(429, "too_many_requests", `Too many requests: try again in ${waitS} s.`, {
    "retry-after": String(waitS),
  });
}
