import type { Signal } from "./store.ts";

type Kind = Signal["kind"];
type Listener = (signal: Signal) => void;

const KINDS: readonly Kind[] = ["ready", "cancelled", "finished"];

/** Those who are told of a store's signals, by kind. */
export class SignalListeners {
  readonly #byKind: Readonly<Record<Kind, Set<Listener>>> = {
    ready: new Set(),
    cancelled: new Set(),
    finished: new Set(),
  };

  /** The kinds that have listeners. */
  get kinds(): readonly Kind[] {
    return KINDS.filter((kind) => this.has(kind));
  }

  has(kind: Kind): boolean {
    return this.#byKind[kind].size > 0;
  }

  /** Adds a listener; returns a function that removes it, and returns whether it was still there. */
  add(kind: Kind, listener: Listener): () => boolean {
    // A new function, so that the same listener can be added twice.
    const own: Listener = (signal) => listener(signal);
    this.#byKind[kind].add(own);
    return () => this.#byKind[kind].delete(own);
  }

  tell(signal: Signal): void {
    for (const listener of this.#byKind[signal.kind]) listener(signal);
  }

  clear(): void {
    for (const listeners of Object.values(this.#byKind)) listeners.clear();
  }
}
