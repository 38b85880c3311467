import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../background/core/errors.ts";
import { checkOptions } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import type { Logger } from "../background/engine/logger.ts";
import { type Body, readBody } from "./body.ts";
import { inputOf, type RouteInput } from "./input.ts";
import { invalidInput } from "./refusal.ts";
import { type Reply, toResponse } from "./reply.ts";
import { rebuildRequest } from "./request.ts";
import { parseRoutePath } from "./route-path.ts";

/** The methods that a route can handle. HEAD is answered as GET without the body, OPTIONS automatically. */
export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const ROUTE_METHODS: readonly RouteMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** A handler's second argument. */
export interface RouteContext {
  /** The request. Its body can be read, also if it was JSON or a form and is part of the input already. */
  readonly request: Request;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/**
 * Handles the requests of a route.
 *
 * @example
 * ```ts
 * const greet: RouteHandler<"/hello/:name"> = ({ name }) => ({ hello: name });
 * ```
 */
export type RouteHandler<P extends string, S = undefined> = (
  input: RouteInput<P, S>,
  context: RouteContext,
) => Reply | Promise<Reply> | AsyncGenerator<unknown>;

/** Options of a route. */
export interface RouteOptions<S> {
  /** Any Standard Schema (zod, valibot, arktype, …). It validates the merged input, and the handler gets its output. */
  readonly schema?: S | undefined;
}

/** A route's handler and how its input is made. */
export interface Endpoint {
  /** The path as declared. */
  readonly path: string;
  /** Names of the path's parameters, optional ones included. */
  readonly paramNames: readonly string[];
  readonly schema: StandardSchemaV1 | undefined;
  readonly handler: (input: unknown, context: RouteContext) => unknown;
}

/** What all routes of an app share. */
export interface Settings {
  /** In bytes. */
  readonly bodyLimit: number;
  readonly logger: Logger;
}

/** @throws JobError `invalid_option` */
export function endpointOf(path: string, options: { readonly schema?: unknown }, handler: unknown): Endpoint {
  checkOptions(options, ["methods", "schema"], `options of the route ${path}`);
  if (typeof handler !== "function") {
    throw new JobError("invalid_option", `The handler of the route ${path} must be a function, not ${shown(handler)}.`);
  }
  const { schema } = options;
  if (schema !== undefined && !isSchema(schema)) {
    throw new JobError(
      "invalid_option",
      `The schema of the route ${path} is not a Standard Schema: use one from zod, valibot, arktype or a similar library.`,
    );
  }
  const paramNames = (parseRoutePath(path).at(-1) ?? []).filter(({ isParam }) => isParam).map(({ text }) => text);
  return { path, paramNames, schema, handler: handler as Endpoint["handler"] };
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  return typeof (value as Partial<StandardSchemaV1> | null)?.["~standard"]?.validate === "function";
}

/**
 * Answers a request with an endpoint's handler.
 *
 * @throws Refusal if the request is invalid; whatever the schema, the handler, or a stream before its first value
 * throws
 */
export async function answer(
  { paramNames, schema, handler }: Endpoint,
  params: readonly (readonly [string, string])[],
  request: Request,
  { bodyLimit, logger }: Settings,
): Promise<Response> {
  const body = await readBody(request, bodyLimit);
  const input = await inputOf({ paramNames, params, query: new URL(request.url).search, body }, schema);
  const reply = await handler(input, new Context(request, body));
  return toResponse(reply, { request, logger });
}

/** Builds the request only when a handler asks for it, which few do. */
class Context implements RouteContext {
  readonly #original: Request;
  readonly #body: Body;
  #request: Request | undefined;

  constructor(original: Request, body: Body) {
    this.#original = original;
    this.#body = body;
  }

  get request(): Request {
    this.#request ??= withFormRefusal(rebuildRequest(this.#original, this.#body.raw));
    return this.#request;
  }

  get signal(): AbortSignal {
    return this.#original.signal;
  }
}

/** Makes `formData()` reject with a 400 for a malformed form, which would otherwise be the handler's error, a 500. */
function withFormRefusal(request: Request): Request {
  const formData = async (): Promise<FormData> => {
    const isRead = request.bodyUsed;
    try {
      return await Request.prototype.formData.call(request);
    } catch (error) {
      if (isRead || !(error instanceof TypeError)) throw error;
      const { message } = error.cause instanceof Error ? error.cause : error;
      throw invalidInput(`The body is not a valid form: ${message.replace(/\.$/, "")}.`);
    }
  };
  return Object.assign(request, { formData });
}
