import { JobError } from "../../core/errors.ts";
import { isTls } from "./address.ts";
import { bounded, Deadline } from "./bounded.ts";
import type { Connect, Connection, Reply } from "./connection.ts";
import { closedFault, codeOf, faultOf, isGivenUp, isHopeless, isRefused, isReply } from "./faults.ts";
import { keysOf } from "./keys.ts";
import type { Script } from "./script.ts";

/** A call's time limit, and whether it may be sent twice. */
export interface CallOptions {
  /** Whether the call is idempotent, so that it is sent again if its outcome is unknown. */
  readonly isRepeatable: boolean;
  /** Whether it is not even sent again after a refusal without effect, because another server might get it then. */
  readonly isOnce?: boolean;
  /** How long the call may take, in milliseconds, before it fails. */
  readonly withinMs: number;
  /** Called if it was sent and got no answer, so that it may have been carried out, or may still be. */
  readonly onUnanswered?: () => void;
  /** Called with the connection over which the answer came. */
  readonly onAnswered?: (connection: Connection) => void;
}

/** How long a call may take: users wait for some, and workers must recover from a silent connection within 5 s. */
export const WITHIN_MS = 2_000;
/** For calls that are idempotent. */
export const REPEATABLE: CallOptions = { withinMs: WITHIN_MS, isRepeatable: true };
/** For calls that are not. */
export const UNREPEATABLE: CallOptions = { withinMs: WITHIN_MS, isRepeatable: false };
/** For a call on top of another one, so that both together end within what users wait. */
export const SHORT: CallOptions = { withinMs: 500, isRepeatable: true };

/** The pause between tries, in milliseconds. */
const PAUSE_MS = 50;
/** How long after an answer a connection is trusted to work still. */
const TRUSTED_MS = 10_000;
/** How long a connection that was idle for longer may take to answer a probe. */
const PROBED_MS = 500;

/**
 * The connection for a store's calls: opened when needed, reopened when broken. Every call ends within its time limit; a
 * connection that stays silent for that long is dropped.
 */
export class Link {
  readonly #connect: Connect;
  readonly #where: string;
  readonly #base: string;
  #connection: Promise<Connection> | undefined;
  #open: Connection | undefined;
  /** Why connections broke. The calls under way on one fail only because they are given up. */
  readonly #breaks = new WeakMap<Connection, unknown>();
  #heardAt = 0;
  #probing: Promise<void> | undefined;
  #underWay = 0;
  #isClosed = false;

  constructor(connect: Connect, where: string, base: string) {
    this.#connect = connect;
    this.#where = where;
    this.#base = base;
  }

  /** Runs a script. */
  script(script: Script, args: readonly string[], options: CallOptions): Promise<Reply> {
    const called = [...keysOf(this.#base, this.#connect.database), ...args];
    return this.#within(options, (connection) =>
      connection.send(this.#base, ["EVALSHA", script.sha, ...called]).catch((error) => {
        // Redis loses its script cache on a restart, a failover or SCRIPT FLUSH.
        if (codeOf(error) !== "NOSCRIPT") throw error;
        return connection.send(this.#base, ["EVAL", script.text, ...called]);
      }),
    );
  }

  /** Runs a command. */
  command(args: readonly string[], options: CallOptions): Promise<Reply> {
    return this.#within(options, (connection) => connection.send(this.#base, args));
  }

  /** Runs commands one after another on one connection. Resolves with that connection and the replies. */
  commands(
    list: readonly (readonly string[])[],
    options: CallOptions,
  ): Promise<{ readonly connection: Connection; readonly replies: readonly Reply[] }> {
    return this.#within(options, async (connection) => {
      const replies = await connection.sendAll(this.#base, list);
      return { connection, replies };
    });
  }

  /** The current connection; opens one if there is none. */
  connection(options: CallOptions): Promise<Connection> {
    return this.#within(options, async (connection) => connection);
  }

  /** Whether this is still the current connection. */
  has(connection: Connection): boolean {
    return this.#open === connection;
  }

  close(): void {
    this.#isClosed = true;
    this.discard(this.#open);
    this.#connection = undefined;
  }

  /** Drops a connection; the next call opens another. */
  discard(connection: Connection | undefined): void {
    if (connection === undefined) return;
    if (this.#open === connection) {
      this.#open = undefined;
      this.#connection = undefined;
    }
    connection.destroy();
  }

  async #within<T>(options: CallOptions, send: (connection: Connection) => Promise<T>): Promise<T> {
    const deadline = new Deadline(options.withinMs);
    let lastError: unknown;
    this.#underWay++;
    this.#open?.keepAlive(true);
    try {
      for (;;) {
        let isSent = false;
        let answerBy = deadline.endsAt;
        let connection: Connection | undefined;
        try {
          const trusted = this.#trusted;
          connection = trusted ?? (await this.#found(deadline.endsAt));
          isSent = true;
          // Connecting may have used up the call's time, which is not yet silence of the server.
          if (trusted === undefined) answerBy = Math.max(answerBy, performance.now() + PROBED_MS);
          const leftMs = answerBy - performance.now();
          const reply = await this.#bounded(send(connection), leftMs, "it did not answer", () =>
            this.discard(connection),
          );
          this.#heardAt = Date.now();
          options.onAnswered?.(connection);
          return reply;
        } catch (thrown) {
          const error = (isGivenUp(thrown) && connection && this.#breaks.get(connection)) || thrown;
          if (["READONLY", "MOVED"].includes(codeOf(error))) {
            this.#connect.follow?.(error);
            this.discard(this.#open);
          }
          if (isSent && !isReply(error)) options.onUnanswered?.();
          const isSentAgain = !options.isOnce && (isRefused(error) || (options.isRepeatable && !isReply(error)));
          const isToRepeat = !isSent || isSentAgain;
          deadline.failed(answerBy);
          const isOver = performance.now() + PAUSE_MS > deadline.endsAt || error instanceof JobError || this.#isClosed;
          if (!(error instanceof JobError)) lastError = error;
          if (!isToRepeat || isOver || isHopeless(error)) {
            // An earlier failure says more than that no time was left for another try.
            const isOutOfTime =
              error instanceof JobError && lastError !== undefined && (!isSent || isRefused(lastError));
            throw this.#isClosed ? closedFault() : faultOf(isOutOfTime ? lastError : error, this.#where);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#open?.keepAlive(false);
    }
  }

  /** The open connection if it answered recently. By wall-clock time, which goes on while a process is suspended. */
  get #trusted(): Connection | undefined {
    return Math.abs(Date.now() - this.#heardAt) < TRUSTED_MS ? this.#open : undefined;
  }

  /**
   * A connection that works. One that was idle for long may be dead without notice, because of a firewall or because the process
   * was suspended: it is probed, so that no call has to time out to find out.
   */
  async #found(endsAt: number): Promise<Connection> {
    if (this.#open !== undefined) {
      this.#probing ??= this.#probe(this.#open).finally(() => {
        this.#probing = undefined;
      });
      await this.#probing;
    }
    if (this.#open !== undefined) return this.#open;
    const what = `it accepted no connection${isTls(this.#where) ? " with TLS" : ""}`;
    // Before, since setting up a client can keep a busy process to itself for long, which is no silence of the server.
    const leftMs = endsAt - performance.now();
    return this.#bounded(this.#connected(), leftMs, what);
  }

  async #probe(connection: Connection): Promise<void> {
    try {
      await this.#bounded(connection.send(this.#base, ["GET", this.#base]), PROBED_MS, "it did not answer");
    } catch (error) {
      if (!isReply(error)) return this.discard(connection);
    }
    this.#heardAt = Date.now();
  }

  #connected(): Promise<Connection> {
    if (this.#connection === undefined) {
      const connection = this.#begin();
      this.#connection = connection;
      connection.catch(() => {
        if (this.#connection === connection) this.#connection = undefined;
      });
    }
    return this.#connection;
  }

  async #begin(): Promise<Connection> {
    let made: Connection | undefined;
    let fault: unknown;
    const connection = await this.#connect((error) => {
      fault ??= error;
      // One that was dropped here ends, too.
      if (made !== undefined && this.#open === made) this.#breaks.set(made, error);
      this.discard(made);
    });
    if (fault !== undefined || this.#isClosed) {
      connection.destroy();
      throw fault ?? new Error("the queue was closed in the meantime");
    }
    made = connection;
    this.#open = connection;
    this.#heardAt = Date.now();
    connection.keepAlive(this.#underWay > 0);
    return connection;
  }

  #bounded<T>(promise: Promise<T>, withinMs: number, what: string, onLate?: () => void): Promise<T> {
    const ms = Math.max(1, withinMs);
    return bounded(promise, ms, () => {
      onLate?.();
      return new JobError(
        "queue_unavailable",
        `Redis at ${this.#where} is silent: ${what} within ${Math.round(ms)} ms.`,
      );
    });
  }
}
