import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { JobError } from "../background/core/errors.ts";
import { documentError } from "./document-error.ts";

/** How many bytes are read at once. */
const SLICE_BYTES = 1 << 20;
/** How many are read at once beyond the reported size: files in /proc report 0, and logs grow while they are read. */
const MORE_BYTES = 1 << 16;

/** Limits on the files that may be read. */
export interface FileBounds {
  /** The folder that files have to be in; `null` for no restriction. */
  readonly root: string | null;
  readonly maxBytes: number;
}

/**
 * A file's source, the same however its path is written: relative to the root, or without one to the working directory
 * if the file is below it, else absolute; with `/` as the separator.
 */
export function sourceOf(path: string, root: string | null): string {
  const base = resolve(root ?? ".");
  const full = resolve(base, path);
  return (isBelow(base, full) ? relative(base, full) : full).split(sep).join("/");
}

/**
 * Reads a file of at most `maxBytes`.
 *
 * With a root, the targets of symbolic links have to be within it too. This is a guard against paths in requests, not
 * against users of the machine: one with write access to the root could replace a folder between the check and the
 * opening.
 *
 * @throws JobError `document_not_found`, `document_forbidden`, `document_too_large`; `document_unavailable`, which may
 * be temporary
 */
export async function readFile(
  path: string,
  { root, maxBytes }: FileBounds,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    const real = await realPath(path, root);
    // Without O_NONBLOCK, opening a named pipe would wait for a writer. Links have been resolved, so O_NOFOLLOW is safe.
    handle = await open(
      real,
      constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (root === null ? 0 : (constants.O_NOFOLLOW ?? 0)),
    );
    const status = await handle.stat();
    if (status.isDirectory()) {
      throw documentError("document_forbidden", `${path} is a folder: add each of its documents by its path.`);
    }
    if (!status.isFile()) throw documentError("document_forbidden", `${path} is not a regular file.`);
    if (status.size > maxBytes) throw tooLarge(path, status.size, maxBytes);
    return await readAll(handle, path, maxBytes, status.size, signal);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw faultOf(error, path);
  } finally {
    await handle?.close();
  }
}

/** @param what how the message refers to the document */
export function tooLarge(what: string, size: number, maxBytes: number): JobError {
  return documentError(
    "document_too_large",
    `${what} has ${size.toLocaleString("en")} bytes, and the limit is ${maxBytes.toLocaleString("en")}: split it, or raise RAG's maxBytes.`,
  );
}

async function realPath(path: string, root: string | null): Promise<string> {
  if (path.includes("\0")) throw documentError("document_not_found", "A path must not contain a null character.");
  if (root === null) return resolve(path);
  const full = resolve(root, path);
  // Checked before the file system is accessed, so as not to reveal what exists outside the root.
  if (!isBelow(resolve(root), full)) throw outside(path);
  const real = await realpath(full);
  if (!isBelow(await realpath(root), real)) throw outside(path);
  return real;
}

function isBelow(folder: string, path: string): boolean {
  const rest = relative(folder, path);
  return rest !== "" && rest !== ".." && !rest.startsWith(`..${sep}`) && !isAbsolute(rest);
}

function outside(path: string): JobError {
  return documentError("document_forbidden", `${path} is outside the folder that documents are read from.`);
}

async function readAll(handle: FileHandle, path: string, maxBytes: number, size: number, signal?: AbortSignal) {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    signal?.throwIfAborted();
    const part = new Uint8Array(length < size ? Math.min(SLICE_BYTES, size - length) : MORE_BYTES);
    const { bytesRead } = await handle.read(part, 0, part.length);
    if (bytesRead === 0) return Buffer.concat(parts, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge(path, length, maxBytes);
    // Copied if it was not filled: a view would keep the whole buffer in memory.
    parts.push(bytesRead < part.length ? part.slice(0, bytesRead) : part);
  }
}

function faultOf(error: unknown, path: string): unknown {
  if (error instanceof JobError) return error;
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
      return documentError("document_not_found", `The document ${path.slice(0, 300)} was not found.`, error);
    case "EACCES":
    case "EPERM":
    case "ELOOP":
    case "ENXIO":
      return documentError("document_forbidden", `${path} cannot be opened: check its permissions.`, error);
    default:
      return new JobError("document_unavailable", `${path} could not be read (${code ?? error}): try again.`, {
        cause: error,
      });
  }
}
