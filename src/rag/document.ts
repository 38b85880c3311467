import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { JobError } from "../background/core/errors.ts";
import { MAX_NESTING } from "../background/core/limits.ts";
import { pathOfTooDeep } from "../background/core/nesting.ts";
import { checkOptions } from "../background/core/options.ts";
import { isLongerThan, shown } from "../background/core/text.ts";
import { sourceOf } from "./file.ts";
import { type DocumentKind, namedKind, statedKind } from "./kind.ts";

/** What is said of a document beside its content. */
export interface DocumentDetails {
  /**
   * Stands in the metadata of each of its chunks: JSON, at most 16 KiB and 500 levels deep. A `title` goes before the document's
   * own; `type`, `index`, `offset`, `line`, and where there are any `page` and `heading`, say where a chunk is from, whatever is
   * given by these names.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * What it goes by: adding another of the same source replaces it. Default: the path of a file; of content its
   * `metadata.source`, its `name`, else a hash of it.
   */
  readonly source?: string | undefined;
  /** `text`, `markdown`, `html`, `pdf`, `docx`, or a media type; default: what the name says, then text. */
  readonly type?: DocumentKind | (string & {}) | undefined;
}

/** A document in a file. */
export interface FileDocument extends DocumentDetails {
  readonly path: string | URL;
  readonly content?: undefined;
  readonly name?: undefined;
}

/** A document at hand. */
export interface ContentDocument extends DocumentDetails {
  readonly content: string | Uint8Array;
  readonly path?: undefined;
  /** The name of the file it came from, an upload's say. */
  readonly name?: string | undefined;
}

/** What can be added: a path, or an object with a path or content. */
export type DocumentInput = string | URL | FileDocument | ContentDocument;

/** A document that was asked for in good form. */
export interface RequestedDocument {
  /** Where it is; `null` when the content is at hand. */
  readonly path: string | null;
  readonly content: string | Uint8Array | null;
  readonly source: string;
  readonly claimed: DocumentKind | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How errors name it. */
  readonly what: string;
}

const MAX_METADATA_BYTES = 16_384;
const MAX_SOURCE = 2_048;

/** @throws JobError `invalid_option` */
export function requested(input: DocumentInput, root: string | null): RequestedDocument {
  if (typeof input === "string" || input instanceof URL) return requestedFile({ path: input }, root);
  if (typeof input === "object" && input !== null && input.path !== undefined) return requestedFile(input, root);
  checkOptions(input, ["content", "metadata", "source", "type", "name"], "properties of a document");
  const { content, name } = input;
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw new JobError(
      "invalid_option",
      `The content of a document is ${shown(content)}: give a string or bytes, or a path instead.`,
    );
  }
  if (name !== undefined && typeof name !== "string") {
    throw new JobError("invalid_option", `The name of a document is ${shown(name)}: give a string.`);
  }
  const metadata = copyOf(input.metadata);
  const source =
    input.source ?? metadata.source ?? name ?? `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return {
    path: null,
    content,
    source: checkedSource(source),
    claimed: statedKind(input.type) ?? namedKind(name ?? ""),
    metadata,
    what: `The document ${shown(source)}`,
  };
}

function requestedFile(input: FileDocument, root: string | null): RequestedDocument {
  checkOptions(input, ["path", "metadata", "source", "type"], "properties of a document");
  const path = pathOf(input.path);
  return {
    path,
    content: null,
    source: checkedSource(input.source ?? sourceOf(path, root)),
    claimed: statedKind(input.type) ?? namedKind(path),
    metadata: copyOf(input.metadata),
    what: path,
  };
}

/** @throws JobError `invalid_option` */
export function pathOf(path: unknown): string {
  if (typeof path === "string" && path !== "") return path;
  if (path instanceof URL && path.protocol === "file:") return pathOfUrl(path);
  throw new JobError("invalid_option", `The path of a document is ${shown(path)}: give a string, or a file: URL.`);
}

function pathOfUrl(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    // Another machine's, or with a slash that is part of a name.
    const { message } = error as Error;
    const why = `The path of a document is ${shown(url)}, no file of this machine: ${message}.`;
    throw new JobError("invalid_option", why, { cause: error });
  }
}

function checkedSource(source: unknown): string {
  if (typeof source === "string" && source !== "" && source.length <= MAX_SOURCE) return source;
  throw new JobError(
    "invalid_option",
    `The source of a document is ${shown(source)}: give a string of 1 to ${MAX_SOURCE} characters.`,
  );
}

/** A copy as JSON keeps it, so that it is the same in every store, and frozen, since all of a document's chunks have it. */
function copyOf(metadata: unknown = {}): Record<string, unknown> {
  const text = textOf(metadata);
  if (text === undefined || !text.startsWith("{")) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document is ${shown(metadata)}: give an object that JSON can hold.`,
    );
  }
  if (isLongerThan(text, MAX_METADATA_BYTES)) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document takes more than ${MAX_METADATA_BYTES} bytes as JSON: keep less with each.`,
    );
  }
  if (pathOfTooDeep(JSON.parse(text)) !== undefined) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document is nested more than ${MAX_NESTING} levels deep: keep it flatter.`,
    );
  }
  return JSON.parse(text, (_, value) => Object.freeze(value));
}

function textOf(metadata: unknown): string | undefined {
  try {
    return JSON.stringify(metadata);
  } catch {
    return undefined;
  }
}
