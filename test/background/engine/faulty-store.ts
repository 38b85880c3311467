import type { Store } from "../../../src/background/core/store.ts";

/** A method of a store that can fail. */
export type Method = Exclude<keyof Store, "name" | "isDurable" | "isRemote" | "isPipelined" | "handsOver">;

/** What happens to a call: `call` passes it on to the store, `args` are its arguments. */
export type Fault = (call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>;

/** A fault that holds calls back until they are released. */
export interface HeldBack {
  readonly fault: Fault;
  /** How many calls are held back. */
  readonly waiting: number;
  release(): void;
}

export const away: Error = new Error("the store is away");

/** The call fails without reaching the store. */
export function rejects(error: unknown = away): Fault {
  return () => Promise.reject(error);
}

/** The call takes effect, but its reply is lost. */
export function losesReply(): Fault {
  return async (call) => {
    await call();
    throw away;
  };
}

/** The call never settles, and does not reach the store. */
export function hangs(): Fault {
  return () => new Promise(() => {});
}

/** The call reaches the store at once, or with `isBefore` once it is released; it is answered after the release. */
export function heldBack({ isBefore = false }: { readonly isBefore?: boolean } = {}): HeldBack {
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  const passed = async () => {
    waiting++;
    await gate.promise;
    waiting--;
  };
  return {
    fault: async (call) => {
      if (isBefore) await passed();
      const answer = await call();
      if (!isBefore) await passed();
      return answer;
    },
    get waiting() {
      return waiting;
    },
    release: () => gate.resolve(),
  };
}

interface Active {
  readonly fault: Fault;
  left: number;
}

export interface FaultyStoreInit {
  /** What `isDurable` says; default: as the inner store. */
  readonly isDurable?: boolean;
  /** Whether calls are served elsewhere; default: as the inner store. */
  readonly isRemote?: boolean;
  /** Whether `close` closes the inner store, or only this connection to it, as one process would; default true. */
  readonly isOwner?: boolean;
}

/** A connection to any store, with faults that a test turns on and off. */
export class FaultyStore implements Store {
  readonly name: string;
  readonly isDurable: boolean;
  readonly isRemote: boolean;
  /** How often each method was called. */
  readonly calls: Record<Method, number>;
  readonly #inner: Store;
  readonly #isOwner: boolean;
  readonly #faults = new Map<Method, Active>();

  constructor(
    inner: Store,
    { isDurable = inner.isDurable, isRemote = inner.isRemote, isOwner = true }: FaultyStoreInit = {},
  ) {
    this.#inner = inner;
    this.name = inner.name;
    this.isDurable = isDurable;
    this.isRemote = isRemote;
    this.#isOwner = isOwner;
    this.calls = Object.fromEntries(METHODS.map((method) => [method, 0])) as Record<Method, number>;
  }

  /** Applies the fault to all calls of the method from now on, or to the next `times`. Returns a function that ends it. */
  on(method: Method, fault: Fault, times: number = Number.POSITIVE_INFINITY): () => void {
    const active = { fault, left: times };
    this.#faults.set(method, active);
    return () => {
      if (this.#faults.get(method) === active) this.#faults.delete(method);
    };
  }

  /** Ends all faults. */
  heal(): void {
    this.#faults.clear();
  }

  open: Store["open"] = this.#through("open");
  close: Store["close"] = this.#through("close");
  enqueue: Store["enqueue"] = this.#through("enqueue");
  claim: Store["claim"] = this.#through("claim");
  heartbeat: Store["heartbeat"] = this.#through("heartbeat");
  settle: Store["settle"] = this.#through("settle");
  cancel: Store["cancel"] = this.#through("cancel");
  retry: Store["retry"] = this.#through("retry");
  get: Store["get"] = this.#through("get");
  list: Store["list"] = this.#through("list");
  count: Store["count"] = this.#through("count");
  next: Store["next"] = this.#through("next");
  prune: Store["prune"] = this.#through("prune");
  describe: Store["describe"] = this.#through("describe");
  subscribe: Store["subscribe"] = this.#through("subscribe");

  // biome-ignore lint/suspicious/noExplicitAny: one function for methods of all shapes
  #through(method: Method): any {
    return async (...args: unknown[]) => {
      this.calls[method]++;
      const call = async (): Promise<unknown> => {
        if (method === "close" && !this.#isOwner) return undefined;
        return (this.#inner[method] as (...args: unknown[]) => Promise<unknown>)(...args);
      };
      const active = this.#faults.get(method);
      if (active === undefined) return call();
      active.left--;
      if (active.left <= 0) this.#faults.delete(method);
      return active.fault(call, args);
    };
  }
}

const METHODS: readonly Method[] = [
  "open",
  "close",
  "enqueue",
  "claim",
  "heartbeat",
  "settle",
  "cancel",
  "retry",
  "get",
  "list",
  "count",
  "next",
  "prune",
  "describe",
  "subscribe",
];
