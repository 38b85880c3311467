import type { Connect, Connection } from "./client.ts";
import { keysOf } from "./keys.ts";
import { Link } from "./link.ts";

/** How long replicas may take to confirm. */
export const REPLICAS_MS = 1_000;

/** A write like any other, so that replicas which have it have all that came before it; also when memory is full. */
const MARK = "redis.call('DEL', KEYS[2]) redis.call('SET', KEYS[1] .. 'W', '')";

/**
 * Asks replicas whether they have what was written.
 *
 * WAIT speaks of the writes of its own connection alone, and holds up whatever comes behind it. So it has a connection
 * of its own, and writes there first: what replicas have, they have in the order of the writes.
 */
export class Replication {
  readonly #link: Link;
  readonly #base: string;
  readonly #replicas: number;
  #running: ReturnType<Link["commands"]> | undefined;
  #next: ReturnType<Link["commands"]> | undefined;

  constructor(connect: Connect, where: string, base: string, replicas: number) {
    this.#link = new Link(connect, where, base);
    this.#base = base;
    this.#replicas = replicas;
  }

  /** The connection over which what is written from now on can be asked for. */
  connection(): Promise<Connection> {
    return this.#link.connection({ isRepeatable: true, withinMs: 2 * REPLICAS_MS });
  }

  /**
   * How many replicas have all that was written before this call, within a second or so; calls that come together share one question.
   *
   * @throws Error where the connection is another one by then: a server that took the place of the one that acknowledged knows
   * nothing of what that one alone had
   */
  async confirmed(over: Connection): Promise<number> {
    this.#next ??= this.#ask(this.#running);
    const { connection, reply } = await this.#next;
    if (connection !== over) throw new Error("The connection to ask over broke meanwhile.");
    return Number(reply);
  }

  close(): void {
    this.#link.close();
  }

  async #ask(before: Promise<unknown> | undefined): ReturnType<Link["commands"]> {
    await before?.catch(() => {});
    this.#running = this.#next;
    this.#next = undefined;
    const commands = [
      ["EVAL", MARK, ...keysOf(this.#base)],
      ["WAIT", String(this.#replicas), String(REPLICAS_MS)],
    ];
    // Sent again, it might reach another server.
    return this.#link.commands(commands, { isRepeatable: false, isOnce: true, withinMs: 2 * REPLICAS_MS });
  }
}
