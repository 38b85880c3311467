import { crc32, inflateRawSync } from "node:zlib";

/** A zip archive that is damaged, encrypted or too large. The message is a clause: "its list of parts is damaged". */
export class ZipError extends Error {
  readonly reason: "damaged" | "encrypted" | "too large";

  constructor(reason: ZipError["reason"], message: string) {
    super(message);
    this.name = "ZipError";
    this.reason = reason;
  }
}

interface Entry {
  readonly name: string;
  readonly content: Buffer;
  readonly crc: number;
}

const MAX_ENTRIES = 4_096;
/** Signatures and fixed lengths of headers: APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. */
const LOCAL = { signature: 0x04034b50, length: 30 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

/**
 * Rebuilds an archive with only the wanted entries, uncompressed. Its next reader then has nothing to inflate, so that
 * an archive with false sizes, such as a zip bomb, cannot exceed the limit.
 *
 * @param maxUnpacked maximum size of all wanted entries together, in bytes
 * @throws ZipError
 */
export function repack(archive: Buffer, isWanted: (name: string) => boolean, maxUnpacked: number): Buffer {
  const entries: Entry[] = [];
  let room = maxUnpacked;
  for (const header of headersOf(archive)) {
    if (!isWanted(header.name)) continue;
    const content = contentOf(archive, header, room);
    room -= content.length;
    const crc = crc32(content);
    if (crc !== header.crc) throw new ZipError("damaged", `its part ${header.name} has a wrong checksum`);
    entries.push({ name: header.name, content, crc });
  }
  return archiveOf(entries);
}

interface Header {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Compressed size, in bytes. */
  readonly packed: number;
  /** Where the entry starts in the archive. */
  readonly at: number;
}

function headersOf(archive: Buffer): Header[] {
  const end = endOf(archive);
  const count = archive.readUInt16LE(end + 10);
  if (count > MAX_ENTRIES) throw new ZipError("too large", `it has ${count} parts`);
  const headers: Header[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let entry = 0; entry < count; entry++) {
    if (at + CENTRAL.length > archive.length || archive.readUInt32LE(at) !== CENTRAL.signature) {
      throw new ZipError("damaged", "its list of parts is damaged");
    }
    const nameLength = archive.readUInt16LE(at + 28);
    headers.push({
      name: archive.toString("utf8", at + CENTRAL.length, at + CENTRAL.length + nameLength),
      flags: archive.readUInt16LE(at + 8),
      method: archive.readUInt16LE(at + 10),
      crc: archive.readUInt32LE(at + 16),
      packed: archive.readUInt32LE(at + 20),
      at: archive.readUInt32LE(at + 42),
    });
    at += CENTRAL.length + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return headers;
}

function endOf(archive: Buffer): number {
  const from = Math.max(0, archive.length - END.length - MAX_COMMENT);
  for (let at = archive.length - END.length; at >= from; at--) {
    if (archive.readUInt32LE(at) === END.signature) return at;
  }
  throw new ZipError("damaged", "its end is missing: it was cut off");
}

function contentOf(archive: Buffer, { name, flags, method, packed, at }: Header, room: number): Buffer {
  if (flags & ENCRYPTED) throw new ZipError("encrypted", `its part ${name} is encrypted`);
  if (at + LOCAL.length > archive.length || archive.readUInt32LE(at) !== LOCAL.signature) {
    throw new ZipError("damaged", `its part ${name} is not where it should be`);
  }
  const start = at + LOCAL.length + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
  if (start + packed > archive.length) throw new ZipError("damaged", `its part ${name} is cut off`);
  const content = archive.subarray(start, start + packed);
  if (method === STORED) {
    if (packed > room) throw tooLarge();
    return content;
  }
  if (method !== DEFLATED) throw new ZipError("damaged", `its part ${name} uses an unknown compression method`);
  try {
    return inflateRawSync(content, { maxOutputLength: Math.max(1, room) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw new ZipError("damaged", `its part ${name} is damaged`);
  }
}

function tooLarge(): ZipError {
  return new ZipError("too large", "its uncompressed size exceeds the limit");
}

function archiveOf(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const { name, content, crc } of entries) {
    const title = Buffer.from(name);
    const local = Buffer.alloc(LOCAL.length);
    local.writeUInt32LE(LOCAL.signature);
    local.writeUInt16LE(20, 4); // version needed
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(content.length, 18);
    local.writeUInt32LE(content.length, 22);
    local.writeUInt16LE(title.length, 26);
    const central = Buffer.alloc(CENTRAL.length);
    central.writeUInt32LE(CENTRAL.signature);
    local.copy(central, 6, 4, 30); // the fields from version needed to the lengths are the same
    central.writeUInt32LE(at, 42);
    parts.push(local, title, content);
    list.push(central, title);
    at += local.length + title.length + content.length;
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(END.length);
  end.writeUInt32LE(END.signature);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}
