import type { MemoryRecord } from "./record.ts";

const CHUNK = 256;
/** Below this size the last chunk is not swept, since most of its records leave as fast as others arrive. */
const FEW = 32;

/** A run of records by id. One whose `chunk` is a different one has been removed, and stays until the next sweep. */
export interface Chunk {
  entries: MemoryRecord[];
  live: number;
}

/**
 * The records of one task in one status, by id, to be listed from the newest on.
 *
 * Kept in chunks, so that adding and removing cost at most one chunk, and a page at most twice its length: at least half
 * of every chunk but the last is live, so that few removed records are kept, however long the others stay.
 */
export class IdIndex {
  #chunks: Chunk[] = [];
  size = 0;

  add(record: MemoryRecord): void {
    this.size++;
    const last = this.#chunks.at(-1);
    if (last === undefined || isBehind(record, last)) this.#append(record, last);
    else this.#insert(record);
  }

  remove(record: MemoryRecord): void {
    const chunk = record.chunk as Chunk;
    record.chunk = null;
    this.size--;
    chunk.live--;
    if (chunk.live === 0) this.#chunks.splice(this.#indexOf(record.id), 1);
    else if (chunk.live * 2 < chunk.entries.length && (chunk.entries.length >= FEW || chunk !== this.#chunks.at(-1)))
      sweep(chunk);
  }

  /** The records before an id, or all of them, newest first. */
  *newest(before: string | null): Generator<MemoryRecord, undefined> {
    let index = before === null ? this.#chunks.length - 1 : this.#indexOf(before);
    for (; index >= 0; index--) {
      const chunk = this.#chunks[index] as Chunk;
      for (let place = chunk.entries.length - 1; place >= 0; place--) {
        const record = chunk.entries[place] as MemoryRecord;
        if (record.chunk === chunk && (before === null || record.id < before)) yield record;
      }
    }
    return undefined;
  }

  #append(record: MemoryRecord, last: Chunk | undefined): void {
    if (last === undefined || last.entries.length >= CHUNK) {
      this.#chunks.push(chunkOf([record]));
      return;
    }
    last.entries.push(record);
    last.live++;
    record.chunk = last;
  }

  #insert(record: MemoryRecord): void {
    const index = Math.max(0, this.#indexOf(record.id));
    const chunk = this.#chunks[index] as Chunk;
    put(record, chunk, placeOf(record.id, chunk.entries));
    if (chunk.entries.length < 2 * CHUNK) return;
    sweep(chunk);
    if (chunk.entries.length > CHUNK) this.#chunks.splice(index + 1, 0, chunkOf(chunk.entries.splice(CHUNK)));
    chunk.live = chunk.entries.length;
  }

  /** The index of the last chunk that begins at or before an id; -1 if there is none. */
  #indexOf(id: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (firstOf(this.#chunks[middle] as Chunk).id <= id) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function firstOf(chunk: Chunk): MemoryRecord {
  return chunk.entries[0] as MemoryRecord;
}

function isBehind(record: MemoryRecord, chunk: Chunk): boolean {
  return (chunk.entries.at(-1) as MemoryRecord).id < record.id;
}

function chunkOf(entries: MemoryRecord[]): Chunk {
  const chunk: Chunk = { entries, live: entries.length };
  for (const record of entries) record.chunk = chunk;
  return chunk;
}

/** The index of the first entry whose id is not before this one. */
function placeOf(id: string, entries: readonly MemoryRecord[]): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as MemoryRecord).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function put(record: MemoryRecord, chunk: Chunk, place: number): void {
  // A record that returns may find itself, or a removed job with the same id, in its place.
  const isThere = chunk.entries[place]?.id === record.id;
  chunk.entries.splice(place, isThere ? 1 : 0, record);
  chunk.live++;
  record.chunk = chunk;
}

function sweep(chunk: Chunk): void {
  chunk.entries = chunk.entries.filter((record) => record.chunk === chunk);
}
