import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../background/core/errors.ts";
import { checkOptions } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import { type Body, readBody } from "./body.ts";
import { inputOf, type RouteInput } from "./input.ts";
import { invalidInput } from "./refusal.ts";
import { type Reply, toResponse } from "./reply.ts";
import { rebuildRequest } from "./request.ts";
import { parseRoutePath } from "./route-path.ts";

/** The methods that a route can have. HEAD is answered as GET without a body, OPTIONS by itself. */
export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const ROUTE_METHODS: readonly RouteMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** What a handler gets beside its input. */
export interface RouteContext {
  /** The request, its body unread: that of JSON and forms is there once more, and that of other types only here. */
  readonly request: Request;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/**
 * Answers a request.
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

/** How a route's requests are checked. */
export interface RouteOptions<S> {
  /** Any Standard Schema, such as zod's, valibot's or arktype's: it checks the merged input, and makes what the handler gets. */
  readonly schema?: S | undefined;
}

/** A route's handler with what it needs to answer a request. */
export interface Endpoint {
  /** As it was declared. */
  readonly path: string;
  /** Of its parameters. */
  readonly names: readonly string[];
  readonly schema: StandardSchemaV1 | undefined;
  readonly handler: (input: unknown, context: RouteContext) => unknown;
}

/** What all routes of an app share. */
export interface Settings {
  /** Bytes. */
  readonly bodyLimit: number;
  readonly logger: Logger;
}

/** @throws JobError `invalid_option` */
export function endpointOf(path: string, options: { readonly schema?: unknown }, handler: unknown): Endpoint {
  checkOptions(options, ["methods", "schema"], `options of the route ${path}`);
  if (typeof handler !== "function") {
    throw new JobError(
      "invalid_option",
      `The handler of the route ${path} has to be a function, and is ${handler === null ? null : typeof handler}.`,
    );
  }
  const { schema } = options;
  if (schema !== undefined && !isSchema(schema)) {
    throw new JobError(
      "invalid_option",
      `The schema of the route ${path} is not a Standard Schema: give one of zod, valibot, arktype or another that has "~standard".`,
    );
  }
  const names = (parseRoutePath(path).at(-1) ?? []).filter(({ isParam }) => isParam).map(({ text }) => text);
  return { path, names, schema, handler: handler as Endpoint["handler"] };
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  return typeof (value as Partial<StandardSchemaV1> | null)?.["~standard"]?.validate === "function";
}

/**
 * What an endpoint answers.
 *
 * @throws Refusal; whatever the handler, the schema, or a stream before its first value throws
 */
export async function answer(
  { names, schema, handler }: Endpoint,
  params: readonly (readonly [string, string])[],
  request: Request,
  { bodyLimit, logger }: Settings,
): Promise<Response> {
  const body = await readBody(request, bodyLimit);
  const input = await inputOf({ names, params, query: new URL(request.url).search, body }, schema);
  const reply = await handler(input, new Context(request, body));
  return toResponse(reply, { request, logger });
}

/** Builds the request when it is asked for, which is seldom. */
class Context implements RouteContext {
  readonly #original: Request;
  readonly #body: Body;
  #request: Request | undefined;

  constructor(original: Request, body: Body) {
    this.#original = original;
    this.#body = body;
  }

  get request(): Request {
    this.#request ??= refusingNoForm(rebuildRequest(this.#original, this.#body.raw));
    return this.#request;
  }

  get signal(): AbortSignal {
    return this.#original.signal;
  }
}

/** Has a body that cannot be read as a form be the client's fault, where it would be an error of the handler's. */
function refusingNoForm(request: Request): Request {
  const formData = async (): Promise<FormData> => {
    const isRead = request.bodyUsed;
    try {
      return await Request.prototype.formData.call(request);
    } catch (error) {
      if (isRead || !(error instanceof TypeError)) throw error;
      const { message } = error.cause instanceof Error ? error.cause : error;
      throw invalidInput(`The body cannot be read as a form: ${message.replace(/\.$/, "")}.`);
    }
  };
  return Object.assign(request, { formData });
}
