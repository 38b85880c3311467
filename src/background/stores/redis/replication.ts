import { bounded } from "./bounded.ts";
import type { Connect, Connection, Reply } from "./connection.ts";
import { keysOf } from "./keys.ts";
import { Link } from "./link.ts";

/** How long replicas may take to confirm, in milliseconds. */
export const REPLICAS_MS = 1_000;

/**
 * How long a call may wait for that in all, in milliseconds: a question that is under way is answered first, and a server that hangs
 * must not hold up both.
 */
const CONFIRMED_MS = 2.5 * REPLICAS_MS;

/** The reply has the `run_id` of the server's process. */
const IDENTIFY = ["INFO", "server"];
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
  readonly #writes: Link;
  #running: ReturnType<Link["commands"]> | undefined;
  #next: ReturnType<Link["commands"]> | undefined;

  /** @param writes the link of the writes that are to be confirmed */
  constructor(connect: Connect, where: string, base: string, replicas: number, writes: Link) {
    this.#link = new Link(connect, where, base);
    this.#base = base;
    this.#replicas = replicas;
    this.#writes = writes;
  }

  /** The connection to pass to `confirmed` for what is written from now on. */
  connection(): Promise<Connection> {
    return this.#link.connection({ isRepeatable: true, withinMs: 2 * REPLICAS_MS });
  }

  /**
   * How many replicas have everything that was written before this call, within about a second. Concurrent calls share one WAIT.
   *
   * @param over what `connection()` returned before the write
   * @param written the connection of the write
   * @throws Error if `over` has been replaced or leads to another server than `written`: a new primary knows nothing of what only the
   * old one had
   */
  async confirmed(over: Connection, written: Connection): Promise<number> {
    // Before the question, which a new primary without replicas answers only after a second.
    if (!this.#link.has(over)) throw lost();
    this.#next ??= this.#ask(this.#running);
    const identified = written.send(this.#base, IDENTIFY);
    const asking = Promise.all([this.#next, identified]);
    const onLate = () => new Error(`Redis did not answer within ${CONFIRMED_MS} ms.`);
    const [{ connection, replies }, writer] = await bounded(asking, CONFIRMED_MS, onLate);
    if (connection !== over) throw lost();
    const [, asked, confirmed] = replies;
    if (runIdOf(asked) !== runIdOf(writer)) {
      // The old primary may accept writes for a while yet, for instance if it is cut off from the sentinels.
      this.#writes.discard(written);
      this.#link.discard(connection);
      throw new Error("The replicas that were asked are those of another server: there has been a failover.");
    }
    return Number(confirmed);
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
      IDENTIFY,
      ["WAIT", String(this.#replicas), String(REPLICAS_MS)],
    ];
    // Resending could reach another server.
    return this.#link.commands(commands, { isRepeatable: false, isOnce: true, withinMs: 2 * REPLICAS_MS });
  }
}

function lost(): Error {
  return new Error("The connection to Redis was lost before the replicas could be asked.");
}

function runIdOf(info: Reply | undefined): string | undefined {
  return /^run_id:(\w+)/m.exec(String(info))?.[1];
}
