import { JobError } from "../background/core/errors.ts";
import { shown } from "../background/core/text.ts";

type Mandatory<S extends string> = S extends `:${infer N}`
  ? N extends `${string}?`
    ? never
    : N
  : S extends `<${infer N}>`
    ? N
    : never;
type Optional<S extends string> = S extends `:${infer N}?` ? N : never;
type Each<P extends string> = P extends `${infer A}/${infer B}` ? A | Each<B> : P;

/**
 * The parameters of a path: `"/jobs/:jobId"` and `"/jobs/<jobId>"` both have `{ jobId: string }`. An optional one,
 * `"/jobs/:jobId?"`, may be absent; neither query nor body can then set it.
 *
 * @example
 * ```ts
 * type Params = PathParams<"/users/:userId/jobs/<jobId>">; // { readonly userId: string; readonly jobId: string }
 * ```
 */
export type PathParams<P extends string> = { readonly [K in Mandatory<Each<P>>]: string } & {
  readonly [K in Optional<Each<P>>]?: string;
};

/** One segment of a route's path. */
export interface Segment {
  /** The literal text that has to match, or the parameter's name. */
  readonly text: string;
  readonly isParam: boolean;
}

const PARAM = /^(?::([^?]*)(\??)|<([^>]*)>)$/;
const NAME = /^[A-Za-z_$][\w$]*$/;
/** Characters that mean something in other routers; here such a path would silently never match. */
const RESERVED = /[*?#<>{}\\]/;

/**
 * Expands a route's path into the paths it matches, as segments: the path itself, last, after one path for each
 * optional parameter left out.
 *
 * @throws JobError `invalid_option`
 */
export function parseRoutePath(path: unknown): readonly (readonly Segment[])[] {
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw refuse(path, 'it must be a string that starts with "/"');
  }
  const segments: Segment[] = [];
  const paths: Segment[][] = [];
  for (const text of withoutLastSlash(path).split("/").slice(1)) {
    const { isOptional, ...segment } = parseSegment(text, path);
    if (segment.isParam && segments.some((before) => before.isParam && before.text === segment.text)) {
      throw refuse(path, `it has the parameter '${segment.text}' twice`);
    }
    if (isOptional) paths.push([...segments]);
    else if (paths.length > 0) throw refuse(path, "optional parameters are allowed only at its end");
    segments.push(segment);
  }
  return [...paths, segments];
}

/**
 * The decoded segments of a request's path. A trailing slash is ignored.
 *
 * @throws URIError when the percent-encoding is wrong
 */
export function decodeSegments(pathname: string): readonly string[] {
  return withoutLastSlash(pathname).split("/").slice(1).map(decodeURIComponent);
}

function withoutLastSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function parseSegment(text: string, path: string): Segment & { readonly isOptional: boolean } {
  const [, colonName, mark, angleName] = PARAM.exec(text) ?? [];
  const name = colonName ?? angleName;
  if (name === undefined) return { text: parseText(text, path), isParam: false, isOptional: false };
  if (!NAME.test(name) || name === "__proto__") {
    throw refuse(path, `'${text}' is not a valid parameter: write ":name" or "<name>", with letters, digits and _`);
  }
  return { text: name, isParam: true, isOptional: mark === "?" };
}

function parseText(text: string, path: string): string {
  if (text === "") throw refuse(path, "it has an empty segment");
  if (RESERVED.test(text)) {
    throw refuse(
      path,
      `'${text}' is neither plain text nor a parameter; to handle everything under a path, use app.mount`,
    );
  }
  try {
    return decodeURIComponent(encodeURI(text).replaceAll("%25", "%"));
  } catch (error) {
    throw refuse(path, `the percent-encoding in '${text}' is not valid`, error);
  }
}

function refuse(path: unknown, why: string, cause?: unknown): JobError {
  const given = typeof path === "string" ? JSON.stringify(path.slice(0, 80)) : shown(path);
  return new JobError("invalid_option", `The route path ${given} is not valid: ${why}.`, { cause });
}
