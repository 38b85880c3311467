import { laneOf, type Signal } from "../../core/store.ts";
import { bounded, Deadline } from "./bounded.ts";
import type { Connect, Connection } from "./client.ts";
import { closedFault, faultOf, isHopeless } from "./faults.ts";
import { handedOf, isHandover } from "./handover.ts";
import { lengthenAll } from "./short-id.ts";

type Kind = Signal["kind"];
type Listener = (signal: Signal) => void;

/** Until somebody who wants to know is told or refused, and until a connection answers, in milliseconds. */
const WITHIN_MS = 2_000;
/** Between tries to listen for the first time, in milliseconds. */
const PAUSE_MS = 50;
/** How often a connection on which nothing is said is asked whether it still is one. */
const PROBE_MS = 1_000;
/** Between tries to get the connection back. */
const AGAIN_MS = [100, 200, 500, 1_000, 2_000];

/** Hears what scripts publish, on a connection of its own that is there while somebody listens. */
export class Signals {
  readonly #connect: Connect;
  readonly #where: string;
  readonly #base: string;
  readonly #store: string;
  readonly #listeners: Readonly<Record<Kind, Set<Listener>>> = {
    ready: new Set(),
    cancelled: new Set(),
    finished: new Set(),
  };
  #connection: Promise<Connection> | undefined;
  readonly #channels = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  /** @param store names the store's own channel, on which it is told of jobs that are ready */
  constructor(connect: Connect, where: string, base: string, store: string) {
    this.#connect = connect;
    this.#where = where;
    this.#base = base;
    this.#store = store;
  }

  /** Whether somebody wants to know of jobs that are ready. */
  get isAwaitingJobs(): boolean {
    return this.#listeners.ready.size > 0;
  }

  async add(kind: Kind, listener: Listener): Promise<() => void> {
    // A function of its own, so that the same listener can be there twice.
    const own = (signal: Signal) => listener(signal);
    this.#listeners[kind].add(own);
    const deadline = new Deadline(WITHIN_MS);
    let first: unknown;
    for (;;) {
      try {
        await bounded(this.#listen(kind), Math.max(1, deadline.endsAt - performance.now()));
        return () => this.#remove(kind, own);
      } catch (error) {
        // The last one may only say how little time was left.
        first ??= error;
        deadline.failed();
        if (performance.now() + PAUSE_MS > deadline.endsAt || this.#isClosed || isHopeless(error)) {
          this.#remove(kind, own);
          throw this.#isClosed ? closedFault() : faultOf(isHopeless(error) ? error : first, this.#where);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
    this.#drop();
  }

  #remove(kind: Kind, listener: Listener): void {
    if (!this.#listeners[kind].delete(listener) || this.#listeners[kind].size > 0) return;
    // One that takes long to be made may be wanted again by then.
    this.#connection?.then((connection) => this.#leave(kind, connection)).catch(() => {});
  }

  async #leave(kind: Kind, connection: Connection): Promise<void> {
    if (!this.#isWanted) return this.#drop();
    if (this.#listeners[kind].size > 0) return;
    const channel = this.#channelOf(kind);
    this.#channels.delete(channel);
    await connection.unsubscribe(channel);
  }

  get #isWanted(): boolean {
    return Object.values(this.#listeners).some((listeners) => listeners.size > 0);
  }

  #channelOf(kind: Kind): string {
    return `${this.#base}!${kind === "ready" ? this.#store : kind + (this.#connect.database ?? 0)}`;
  }

  async #listen(kind: Kind): Promise<void> {
    const connecting = this.#connected();
    const connection = await connecting;
    if (this.#connection !== connecting) throw new Error("the connection broke");
    const channel = this.#channelOf(kind);
    let subscribed = this.#channels.get(channel);
    if (subscribed === undefined) {
      subscribed = bounded(
        connection.subscribe(channel, (message) => this.#hear(kind, message)),
        WITHIN_MS,
      );
      this.#channels.set(channel, subscribed);
      subscribed.catch(() => this.#lose(connecting));
    }
    await subscribed;
  }

  #connected(): Promise<Connection> {
    if (this.#connection === undefined) {
      const connection = this.#connect(() => this.#lose(connection));
      this.#connection = connection;
      connection.then(
        () => {
          this.#probeLater(connection);
          if (this.#connection === connection) this.#listenAgain();
        },
        () => this.#lose(connection),
      );
    }
    return this.#connection;
  }

  #probeLater(connection: Promise<Connection>): void {
    // Nobody may want it any more, and then it is not there to be probed.
    if (this.#connection !== connection) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        const open = await connection;
        await bounded(
          open.subscribe(`${this.#base}!probe`, () => {}),
          WITHIN_MS,
        );
        await bounded(open.unsubscribe(`${this.#base}!probe`), WITHIN_MS);
        this.#failures = 0;
        this.#probeLater(connection);
      } catch {
        this.#lose(connection);
      }
    }, PROBE_MS).unref();
  }

  /** Listens again after a while, as long as somebody wants to know. */
  #lose(connection: Promise<Connection>): void {
    if (this.#connection !== connection) return;
    this.#drop();
    if (this.#isClosed || !this.#isWanted) return;
    const delayMs = AGAIN_MS[Math.min(this.#failures++, AGAIN_MS.length - 1)] as number;
    // A failure comes back here by itself.
    this.#timer = setTimeout(() => this.#connected().catch(() => {}), delayMs * (0.5 + Math.random())).unref();
  }

  /** Whoever makes the connection anew, it is for all who listened on the one before. */
  #listenAgain(): void {
    for (const kind of ["ready", "cancelled", "finished"] as const)
      if (this.#listeners[kind].size > 0) this.#listen(kind).catch(() => {});
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#channels.clear();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then(
      (open) => open.destroy(),
      () => {},
    );
  }

  #hear(kind: Kind, message: string): void {
    const signal = kind === "ready" ? readySignal(message) : signalOf(kind, message);
    for (const listener of this.#listeners[kind]) listener(signal);
  }
}

function readySignal(message: string): Signal {
  if (!isHandover(message)) return { kind: "ready", lanes: message.split(" ") };
  const handed = handedOf(message);
  return { kind: "ready", lanes: [laneOf(handed.job.task, handed.job.v)], handed };
}

/** Its ids are read when somebody asks for them: most who listen to a busy queue have heard enough. */
function signalOf(kind: "cancelled" | "finished", message: string): Signal {
  let ids: readonly string[] | undefined;
  return {
    kind,
    get ids() {
      ids ??= lengthenAll(message);
      return ids;
    },
  };
}
