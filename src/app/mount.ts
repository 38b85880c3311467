import { JobError } from "../background/core/errors.ts";
import type { MatchedRoute } from "./answered.ts";
import type { Connection } from "./connection.ts";
import { rebuildRequest } from "./request.ts";
import { parseRoutePath } from "./route-path.ts";

/**
 * A web-standard fetch handler. If the server passes the connection, it is the second argument, which `jobsApi`,
 * `dashboard` and Hono understand. Its type is `never` so that functions with any second parameter are accepted.
 */
type Fetch = (request: Request, connection?: never) => Response | Promise<Response>;

/**
 * What can be mounted: an App, any object with a `fetch` method, or a fetch function. Its `endStreams`, or if it has
 * none its `close`, is called when a server closes, possibly more than once: open streams would keep the server from
 * closing.
 */
export type Mountable = (Fetch | { readonly fetch: Fetch }) & {
  readonly endStreams?: (() => void) | undefined;
  readonly close?: (() => void) | undefined;
};

/** A handler of every request under a path. */
export interface Mount {
  readonly prefix: readonly string[];
  /** A mounted App also fills in `matched`. */
  readonly fetch: (request: Request, matched: MatchedRoute, connection?: Connection) => Response | Promise<Response>;
  readonly endStreams?: (() => void) | undefined;
}

/** @throws JobError `invalid_option` */
export function mountOf(path: string, target: Mountable): Mount {
  const segments = path === "/" ? [] : (parseRoutePath(path).at(-1) ?? []);
  const param = segments.find(({ isParam }) => isParam);
  if (param !== undefined) {
    throw new JobError(
      "invalid_option",
      `The path ${path} of a mount cannot have parameters, such as '${param.text}'.`,
    );
  }
  const fetch: unknown = typeof target === "function" ? target : target?.fetch;
  if (typeof fetch !== "function") {
    throw new JobError("invalid_option", `Only an App, or a function that takes a Request, can be mounted at ${path}.`);
  }
  const prefix = segments.map(({ text }) => text);
  return {
    prefix,
    endStreams: () => {
      if (typeof target.endStreams === "function") target.endStreams();
      else if (typeof target.close === "function") target.close();
    },
    fetch: async (request, _matched, connection) => {
      const answer = typeof target === "function" ? target : target.fetch.bind(target);
      const response: unknown = await answer(request, connection as never);
      if (response instanceof Response) return response;
      throw new TypeError(`The handler mounted at ${path} did not return a Response.`);
    },
  };
}

/** Methods that `new Request` refuses, so that such requests cannot be forwarded (Fetch Standard, forbidden methods). */
const FORBIDDEN_METHODS: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** Of the mounts whose path matches a request, the one with the longest path. */
export function findMount(mounts: readonly Mount[], segments: readonly string[]): Mount | undefined {
  const fitting = mounts.filter(({ prefix }) => prefix.every((text, i) => segments[i] === text));
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** Answers a request with a mounted handler, which sees the path without the mount's prefix. */
export async function forward(
  { prefix, fetch }: Mount,
  request: Request,
  matched: MatchedRoute = { route: null },
  connection?: Connection,
): Promise<Response> {
  if (FORBIDDEN_METHODS.includes(request.method)) return new Response(null, { status: 405, headers: { allow: "" } });
  const base = prefix.map((text) => `/${text}`).join("");
  matched.route = `${base}/*`;
  const inner: MatchedRoute = { route: null };
  const url = new URL(request.url);
  url.pathname = `/${url.pathname
    .split("/")
    .slice(1 + prefix.length)
    .join("/")}`;
  const isBodiless = request.method === "GET" || request.method === "HEAD";
  const forwarded = rebuildRequest(request, isBodiless ? null : request.body, url.href);
  const response = await fetch(forwarded, inner, connection);
  if (inner.route !== null) matched.route = inner.route === "/" ? base || "/" : base + inner.route;
  return keepAlive(response, forwarded);
}

/** Keeps the request from being garbage-collected: its signal follows the original's only as long as it exists. */
function keepAlive(response: Response, request: Request): Response {
  REQUESTS.set(response, request);
  return response;
}

const REQUESTS: WeakMap<Response, Request> = new WeakMap();
