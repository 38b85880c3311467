import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { JobError } from "../background/core/errors.ts";
import { documentError } from "./document-error.ts";

/** Bytes that are read at once. */
const SLICE_BYTES = 1 << 20;
/** And beyond the size that a file is said to have: those of the system have none, and logs grow. */
const MORE_BYTES = 1 << 16;

/** What may be read. */
export interface FileBounds {
  /** The folder that documents have to be in; `null` for anywhere. */
  readonly root: string | null;
  readonly maxBytes: number;
}

/**
 * What a file goes by, however its path is written: its path within the root, or from the working folder if it is below
 * that, with `/` between folders; else from the root of the file system.
 */
export function sourceOf(path: string, root: string | null): string {
  const base = resolve(root ?? ".");
  const full = resolve(base, path);
  return (isBelow(base, full) ? relative(base, full) : full).split(sep).join("/");
}

/**
 * The bytes of a file, never more than `maxBytes` of them.
 *
 * With a root, links are followed and what they lead to has to be within it too. Whoever can write there while a file is
 * opened can still exchange a folder on its way; a root keeps requests in, not the machine's own users.
 *
 * @throws JobError `document_not_found`, `document_forbidden`, `document_too_large`; `document_unavailable`, which a
 * later attempt may not meet again
 */
export async function readFile(
  path: string,
  { root, maxBytes }: FileBounds,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    const real = await realPath(path, root);
    // Opening a pipe without NONBLOCK waits for somebody to write to it; the link was followed already.
    handle = await open(
      real,
      constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (root === null ? 0 : (constants.O_NOFOLLOW ?? 0)),
    );
    const status = await handle.stat();
    if (status.isDirectory()) {
      throw documentError("document_forbidden", `${path} is a folder: add each of its documents by its own path.`);
    }
    if (!status.isFile()) throw documentError("document_forbidden", `${path} is no regular file.`);
    if (status.size > maxBytes) throw tooLarge(path, status.size, maxBytes);
    return await readAll(handle, path, maxBytes, status.size, signal);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw faultOf(error, path);
  } finally {
    await handle?.close();
  }
}

/** A document that exceeds the limit; `what` is how it is named. */
export function tooLarge(what: string, size: number, maxBytes: number): JobError {
  return documentError(
    "document_too_large",
    `${what} has ${size.toLocaleString("en")} bytes, and ${maxBytes.toLocaleString("en")} are allowed: split it, or raise RAG's maxBytes.`,
  );
}

async function realPath(path: string, root: string | null): Promise<string> {
  if (path.includes("\0")) throw documentError("document_not_found", "A path has a zero character in it.");
  if (root === null) return resolve(path);
  const full = resolve(root, path);
  // Before the file system is asked: whether something exists outside is nobody's business.
  if (!isBelow(resolve(root), full)) throw outside(path);
  const real = await realpath(full);
  if (!isBelow(await realpath(root), real)) throw outside(path);
  return real;
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(path: string): JobError {
  return documentError("document_forbidden", `${path} is outside of the folder that documents are read from.`);
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
    // A copy, where less came: it would hold on to all of the part.
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
      return documentError("document_not_found", `There is no document at ${path.slice(0, 300)}.`, error);
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
