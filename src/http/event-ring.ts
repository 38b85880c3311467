import { randomBytes } from "node:crypto";
import { wellFormedJson } from "./well-formed-json.ts";

/** An event as it is sent. */
interface Kept {
  readonly number: number;
  readonly text: string;
}

/** What a ring keeps, at most. */
export interface RingBounds {
  readonly events: number;
  /** Characters of all events together. */
  readonly size: number;
}

const RING_BOUNDS: RingBounds = { events: 500, size: 1_048_576 };

/**
 * The newest events of a feed, numbered, so that a client that was away for a moment goes on where it was. An event's id
 * names the ring too: after a restart the same number means something else.
 */
export class EventRing {
  readonly #bounds: RingBounds;
  readonly #name = randomBytes(6).toString("hex");
  #kept: Kept[] = [];
  #size = 0;
  #last = 0;

  constructor(bounds: RingBounds = RING_BOUNDS) {
    this.#bounds = bounds;
  }

  /** The number of the newest event. */
  get last(): number {
    return this.#last;
  }

  push(event: string, data: unknown): void {
    const number = ++this.#last;
    const text = this.encode(event, data, number);
    this.#kept.push({ number, text });
    this.#size += text.length;
    const { events, size } = this.#bounds;
    let gone = 0;
    while (this.#kept.length - gone > events || (this.#size > size && this.#kept.length - gone > 1)) {
      this.#size -= (this.#kept[gone] as Kept).text.length;
      gone++;
    }
    if (gone > 0) this.#kept = this.#kept.slice(gone);
  }

  /** All that came after an event; `null` when some of it is gone. */
  after(number: number): { readonly text: string; readonly last: number } | null {
    const isWhole = number === this.#last || (this.#kept[0] !== undefined && this.#kept[0].number <= number + 1);
    if (!isWhole || number > this.#last) return null;
    const events = this.#kept.filter((event) => event.number > number);
    return { text: events.map(({ text }) => text).join(""), last: this.#last };
  }

  /** The number in an id of this ring's; `null` for any other. */
  numberOf(id: string | null): number | null {
    const [name, number] = id?.split(".") ?? [];
    return name === this.#name && /^\d{1,15}$/.test(number ?? "") ? Number(number) : null;
  }

  /** An event as it is sent: JSON has no line breaks. */
  encode(event: string, data: unknown, number: number): string {
    return `id: ${this.#name}.${number}\nevent: ${event}\ndata: ${wellFormedJson(data)}\n\n`;
  }
}
