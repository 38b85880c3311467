import { JobError } from "../background/core/errors.ts";
import type { Found } from "./answered.ts";
import type { Connection } from "./connection.ts";
import { rebuildRequest } from "./request.ts";
import { parseRoutePath } from "./route-path.ts";

/**
 * Answers any request: a function of the web's standard shape. Where the server hands over the connection, it is the second
 * argument, as `jobsApi`, `dashboard` and Hono know it; what else a function may take there is its own.
 */
type Fetch = (request: Request, connection?: never) => Response | Promise<Response>;

/**
 * What can be mounted: an App, or anything else with a `fetch`, or that function itself. Its `endStreams`, or else its `close`,
 * is called while a server closes, maybe more than once: what it streams would hold the server open.
 */
export type Mountable = (Fetch | { readonly fetch: Fetch }) & {
  readonly endStreams?: (() => void) | undefined;
  readonly close?: (() => void) | undefined;
};

/** A handler of all that lies beneath a path. */
export interface Mount {
  readonly prefix: readonly string[];
  /** An App also writes down which of its routes it found. */
  readonly fetch: (request: Request, found: Found, connection?: Connection) => Response | Promise<Response>;
  readonly endStreams?: (() => void) | undefined;
}

/** @throws JobError `invalid_option` */
export function mountOf(path: string, target: Mountable): Mount {
  const segments = path === "/" ? [] : (parseRoutePath(path)[0] ?? []);
  const param = segments.find(({ isParam }) => isParam);
  if (param !== undefined) {
    throw new JobError(
      "invalid_option",
      `The path ${path} of a mount cannot have parameters, and '${param.text}' is one.`,
    );
  }
  const fetch: unknown = typeof target === "function" ? target : target?.fetch;
  if (typeof fetch !== "function") {
    throw new JobError(
      "invalid_option",
      `What is mounted at ${path} has to be an App, or a function that takes a Request.`,
    );
  }
  const prefix = segments.map(({ text }) => text);
  return {
    prefix,
    endStreams: () => {
      if (typeof target.endStreams === "function") target.endStreams();
      else if (typeof target.close === "function") target.close();
    },
    fetch: async (request, _found, connection) => {
      const answer = typeof target === "function" ? target : target.fetch.bind(target);
      const response: unknown = await answer(request, connection as never);
      if (response instanceof Response) return response;
      throw new TypeError(`What is mounted at ${path} answered with something that is no Response.`);
    },
  };
}

/** Methods that a Request cannot be made with, so that it cannot be handed on either (Fetch Standard, forbidden methods). */
const NOBODYS_METHODS: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** The mount that a request leads to: the one with the longest path. */
export function findMount(mounts: readonly Mount[], segments: readonly string[]): Mount | undefined {
  const fitting = mounts.filter(({ prefix }) => prefix.every((text, i) => segments[i] === text));
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** What a mounted handler answers; it sees the path without what it is mounted at. */
export async function forward(
  { prefix, fetch }: Mount,
  request: Request,
  found: Found = { route: null },
  connection?: Connection,
): Promise<Response> {
  if (NOBODYS_METHODS.includes(request.method)) return new Response(null, { status: 405, headers: { allow: "" } });
  const base = prefix.map((text) => `/${text}`).join("");
  found.route = `${base}/*`;
  const within: Found = { route: null };
  const url = new URL(request.url);
  url.pathname = `/${url.pathname
    .split("/")
    .slice(1 + prefix.length)
    .join("/")}`;
  const isBodiless = request.method === "GET" || request.method === "HEAD";
  const forwarded = rebuildRequest(request, isBodiless ? null : request.body, url.href);
  const response = await fetch(forwarded, within, connection);
  if (within.route !== null) found.route = within.route === "/" ? base || "/" : base + within.route;
  return keepAlive(response, forwarded);
}

/** A request's signal only follows another while the request itself is not collected. */
function keepAlive(response: Response, request: Request): Response {
  REQUESTS.set(response, request);
  return response;
}

const REQUESTS: WeakMap<Response, Request> = new WeakMap();
