import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { JobError } from "../background/core/errors.ts";
import { MAX_NESTING } from "../background/core/limits.ts";
import { pathOfTooDeep } from "../background/core/nesting.ts";
import { checkOptions } from "../background/core/options.ts";
import { isLongerThan, shown } from "../background/core/text.ts";
import { sourceOf } from "./file.ts";
import { type DocumentKind, namedKind, statedKind } from "./kind.ts";

/** What can be specified for a document besides its content. */
export interface DocumentDetails {
  /**
   * Copied into the metadata of each chunk. It has to be JSON of at most 16 KiB and 500 levels. A `title` overrides the
   * document's own; `source`, `type`, `index`, `offset` and `line`, and `page` and `heading` if the chunk has them, are
   * overwritten with the chunk's own values.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The document's identity: adding another document with the same source replaces it. Default: a file's path; for
   * content, `metadata.source`, else `name`, else a hash of the content.
   */
  readonly source?: string | undefined;
  /** `text`, `markdown`, `html`, `pdf`, `docx`, or a media type. Default: by the name's extension, else text. */
  readonly type?: DocumentKind | (string & {}) | undefined;
}

/** A document in a file. */
export interface FileDocument extends DocumentDetails {
  readonly path: string | URL;
  readonly content?: undefined;
  readonly name?: undefined;
}

/** A document given by its content. */
export interface ContentDocument extends DocumentDetails {
  readonly content: string | Uint8Array;
  readonly path?: undefined;
  /** The name of the file that the content came from, such as that of an upload. */
  readonly name?: string | undefined;
}

/** A document to add: a path, or an object with a path or content. */
export type DocumentInput = string | URL | FileDocument | ContentDocument;

/** A document to add, validated and with its defaults filled in. */
export interface DocumentRequest {
  /** The file's path; `null` if the content was given. */
  readonly path: string | null;
  readonly content: string | Uint8Array | null;
  readonly source: string;
  /** The kind that was stated, or that the name's extension suggests. */
  readonly claimed: DocumentKind | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How error messages refer to the document. */
  readonly what: string;
}

const MAX_METADATA_BYTES = 16_384;
const MAX_SOURCE = 2_048;

/** @throws JobError `invalid_option` */
export function requestOf(input: DocumentInput, root: string | null): DocumentRequest {
  if (typeof input === "string" || input instanceof URL) return fileRequestOf({ path: input }, root);
  if (typeof input === "object" && input !== null && input.path !== undefined) return fileRequestOf(input, root);
  checkOptions(input, ["content", "metadata", "source", "type", "name"], "properties of a document");
  const { content, name } = input;
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw new JobError(
      "invalid_option",
      `The content of a document must be a string or bytes, not ${shown(content)}: for a file, pass its path instead.`,
    );
  }
  if (name !== undefined && typeof name !== "string") {
    throw new JobError("invalid_option", `The name of a document must be a string, not ${shown(name)}.`);
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

function fileRequestOf(input: FileDocument, root: string | null): DocumentRequest {
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
  throw new JobError("invalid_option", `The path of a document must be a string or a file: URL, not ${shown(path)}.`);
}

function pathOfUrl(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    // The URL names another host, or has an encoded slash.
    const { message } = error as Error;
    const why = `The path of a document must be a file on this machine, not ${shown(url)}: ${message}.`;
    throw new JobError("invalid_option", why, { cause: error });
  }
}

function checkedSource(source: unknown): string {
  if (typeof source === "string" && source !== "" && source.length <= MAX_SOURCE) return source;
  throw new JobError(
    "invalid_option",
    `The source of a document must be a string of 1 to ${MAX_SOURCE} characters, not ${shown(source)}.`,
  );
}

/** Copies metadata through JSON, so that it is the same in every store, and frozen, since all chunks share it. */
function copyOf(metadata: unknown = {}): Record<string, unknown> {
  const text = textOf(metadata);
  if (text === undefined || !text.startsWith("{")) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document must be an object that JSON can represent, not ${shown(metadata)}.`,
    );
  }
  if (isLongerThan(text, MAX_METADATA_BYTES)) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document takes more than ${MAX_METADATA_BYTES} bytes as JSON: store less of it.`,
    );
  }
  if (pathOfTooDeep(JSON.parse(text)) !== undefined) {
    throw new JobError(
      "invalid_option",
      `The metadata of a document is nested more than ${MAX_NESTING} levels deep: make it flatter.`,
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
