import { randomBytes } from "node:crypto";
import { wellFormedJson } from "./well-formed-json.ts";

interface StoredEvent {
  readonly number: number;
  /** The event as it is sent. */
  readonly text: string;
}

/** Limits of a ring. */
export interface RingBounds {
  readonly events: number;
  /** Characters of all events together. */
  readonly size: number;
}

const RING_BOUNDS: RingBounds = { events: 500, size: 1_048_576 };

/**
 * A ring buffer of a feed's latest events, numbered, so that a client can resume after a short disconnection. An
 * event's id contains the ring's name too, since the same number means another event after a restart.
 */
export class EventRing {
  readonly #bounds: RingBounds;
  readonly #name = randomBytes(6).toString("hex");
  #events: StoredEvent[] = [];
  #size = 0;
  #last = 0;

  constructor(bounds: RingBounds = RING_BOUNDS) {
    this.#bounds = bounds;
  }

  /** The number of the latest event. */
  get last(): number {
    return this.#last;
  }

  push(event: string, data: unknown): void {
    const number = ++this.#last;
    const text = this.encode(event, data, number);
    this.#events.push({ number, text });
    this.#size += text.length;
    const { events, size } = this.#bounds;
    let dropped = 0;
    while (this.#events.length - dropped > events || (this.#size > size && this.#events.length - dropped > 1)) {
      this.#size -= (this.#events[dropped] as StoredEvent).text.length;
      dropped++;
    }
    if (dropped > 0) this.#events = this.#events.slice(dropped);
  }

  /** All events after the one with this number; `null` if some of them have been dropped. */
  after(number: number): { readonly text: string; readonly last: number } | null {
    const [oldest] = this.#events;
    const isComplete = number === this.#last || (oldest !== undefined && oldest.number <= number + 1);
    if (!isComplete || number > this.#last) return null;
    const events = this.#events.filter((event) => event.number > number);
    return { text: events.map(({ text }) => text).join(""), last: this.#last };
  }

  /** The number in an event id of this ring; `null` for any other id. */
  numberOf(id: string | null): number | null {
    const [name, number] = id?.split(".") ?? [];
    return name === this.#name && /^\d{1,15}$/.test(number ?? "") ? Number(number) : null;
  }

  /** Encodes an event for sending. One `data` line is enough, since JSON has no line breaks. */
  encode(event: string, data: unknown, number: number): string {
    return `id: ${this.#name}.${number}\nevent: ${event}\ndata: ${wellFormedJson(data)}\n\n`;
  }
}
