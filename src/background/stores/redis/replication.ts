import type { Connect, Connection } from "./client.ts";
import { keysOf } from "./keys.ts";
import { Link } from "./link.ts";

/** How long replicas may take to confirm, in milliseconds. */
export const REPLICAS_MS = 1_000;

/** An ordinary write: replicas that have it have all earlier ones. Works even if memory is full. */
const MARK = "redis.call('DEL', KEYS[2]) redis.call('SET', KEYS[1] .. 'W', '')";

/**
 * Asks how many replicas have what was written.
 *
 * WAIT covers the writes of its own connection only, and blocks the commands after it. So it runs on a connection of its
 * own, after a write there: replicas receive writes in order.
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

  /** The connection to pass to `confirmed` for what is written from now on. */
  connection(): Promise<Connection> {
    return this.#link.connection({ isRepeatable: true, withinMs: 2 * REPLICAS_MS });
  }

  /**
   * How many replicas have everything that was written before this call, within about a second. Concurrent calls share one WAIT.
   *
   * @throws Error if the connection has been replaced: a new primary knows nothing of what only the old one had
   */
  async confirmed(over: Connection): Promise<number> {
    this.#next ??= this.#ask(this.#running);
    const { connection, reply } = await this.#next;
    if (connection !== over) throw new Error("The connection to Redis was lost before the replicas could be asked.");
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
    // Resending could reach another server.
    return this.#link.commands(commands, { isRepeatable: false, isOnce: true, withinMs: 2 * REPLICAS_MS });
  }
}
