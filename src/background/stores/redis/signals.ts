import { SignalListeners } from "../../core/signal-listeners.ts";
import { laneOf, type Signal } from "../../core/store.ts";
import { bounded, Deadline } from "./bounded.ts";
import type { Connect, Connection } from "./connection.ts";
import { closedFault, faultOf, isHopeless } from "./faults.ts";
import { handedOf, isHandover } from "./handover.ts";
import { lengthenAll } from "./short-id.ts";

type Kind = Signal["kind"];

/** Limit for subscribing, and for a connection to answer, in milliseconds. */
const WITHIN_MS = 2_000;
/** The pause between tries to subscribe for the first time, in milliseconds. */
const PAUSE_MS = 50;
/** How often the connection is probed, in milliseconds. */
const PROBE_MS = 1_000;
/** The pauses between tries to reconnect, in milliseconds. */
const RECONNECT_MS = [100, 200, 500, 1_000, 2_000];

/** Receives what scripts publish, on a connection of its own that exists while there are listeners. */
export class Signals {
  readonly #connect: Connect;
  readonly #where: string;
  readonly #base: string;
  readonly #store: string;
  readonly #listeners = new SignalListeners();
  #connection: Promise<Connection> | undefined;
  readonly #channels = new Map<string, Promise<void>>();
  /** Unsubscriptions in flight. */
  readonly #leaving = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  /** Whether a connection was lost, and with it perhaps signals, before the present one. */
  #isAfterGap = false;
  #isClosed = false;

  /** @param store the name of the store's own channel, for `ready` signals */
  constructor(connect: Connect, where: string, base: string, store: string) {
    this.#connect = connect;
    this.#where = where;
    this.#base = base;
    this.#store = store;
  }

  /** Whether there is a listener for `ready` signals. */
  get isAwaitingJobs(): boolean {
    return this.#listeners.has("ready");
  }

  async add(kind: Kind, listener: (signal: Signal) => void): Promise<() => void> {
    const remove = this.#listeners.add(kind, listener);
    const deadline = new Deadline(WITHIN_MS);
    let first: unknown;
    for (;;) {
      try {
        // Before, since setting up a client can keep a busy process to itself for long.
        const leftMs = Math.max(1, deadline.endsAt - performance.now());
        await bounded(this.#listen(kind), leftMs);
        return () => this.#remove(kind, remove);
      } catch (error) {
        // The last error may only say that little time was left.
        first ??= error;
        deadline.failed();
        if (performance.now() + PAUSE_MS > deadline.endsAt || this.#isClosed || isHopeless(error)) {
          this.#remove(kind, remove);
          throw this.#isClosed ? closedFault() : faultOf(isHopeless(error) ? error : first, this.#where);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#drop();
  }

  #remove(kind: Kind, remove: () => boolean): void {
    if (!remove() || this.#listeners.has(kind)) return;
    // By the time it is connected, somebody may listen again.
    this.#connection?.then((connection) => this.#leave(kind, connection)).catch(() => {});
  }

  async #leave(kind: Kind, connection: Connection): Promise<void> {
    if (!this.#isWanted) return this.#drop();
    if (this.#listeners.has(kind)) return;
    const channel = this.#channelOf(kind);
    this.#channels.delete(channel);
    const left = connection.unsubscribe(channel).finally(() => {
      if (this.#leaving.get(channel) === left) this.#leaving.delete(channel);
    });
    this.#leaving.set(channel, left);
    await left;
  }

  get #isWanted(): boolean {
    return this.#listeners.kinds.length > 0;
  }

  #channelOf(kind: Kind): string {
    return `${this.#base}!${kind === "ready" ? this.#store : kind + (this.#connect.database ?? 0)}`;
  }

  async #listen(kind: Kind): Promise<void> {
    if (this.#isClosed) throw closedFault();
    const connecting = this.#connected();
    const connection = await connecting;
    const channel = this.#channelOf(kind);
    // Until the reply to UNSUBSCRIBE, the package considers the channel subscribed, and would send nothing.
    await this.#leaving.get(channel);
    if (this.#connection !== connecting) throw new Error("the connection was lost");
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
    // It may have been dropped, for want of listeners.
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

  /** Drops a broken connection, and reconnects after a pause while there are listeners. */
  #lose(connection: Promise<Connection>): void {
    if (this.#connection !== connection) return;
    this.#drop();
    if (this.#isClosed || !this.#isWanted) return;
    this.#isAfterGap = true;
    const delayMs = RECONNECT_MS[Math.min(this.#failures++, RECONNECT_MS.length - 1)] as number;
    // A failure leads back here.
    this.#timer = setTimeout(() => this.#connected().catch(() => {}), delayMs * (0.5 + Math.random())).unref();
  }

  /** Subscribes a new connection to everything that the previous one was for. */
  #listenAgain(): void {
    const isAfterGap = this.#isAfterGap;
    this.#isAfterGap = false;
    for (const kind of this.#listeners.kinds) {
      // Whatever else was missed is found by polling, within a second.
      const tell = () => {
        if (isAfterGap && kind === "cancelled") this.#listeners.tell({ kind, ids: [], isAfterGap });
      };
      this.#listen(kind).then(tell, () => {});
    }
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#channels.clear();
    this.#leaving.clear();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then(
      (open) => open.destroy(),
      () => {},
    );
  }

  #hear(kind: Kind, message: string): void {
    this.#listeners.tell(kind === "ready" ? readySignal(message) : signalOf(kind, message));
  }
}

function readySignal(message: string): Signal {
  if (!isHandover(message)) return { kind: "ready", lanes: message.split(" ") };
  const handed = handedOf(message);
  return { kind: "ready", lanes: [laneOf(handed.job.task, handed.job.v)], handed };
}

/** Decodes the ids only on demand, since most listeners of a busy queue do not need them. */
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
