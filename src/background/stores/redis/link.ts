import { JobError } from "../../core/errors.ts";
import { bounded, Deadline } from "./bounded.ts";
import type { Connect, Connection, Reply } from "./client.ts";
import { closedFault, codeOf, faultOf, isHopeless, isRefused, isReply } from "./faults.ts";
import { keysOf } from "./keys.ts";
import type { Script } from "./script.ts";

/** How a call is bounded, and whether it may be sent twice. */
export interface CallOptions {
  /** A second time changes nothing, so that it is sent again when it is not known what became of the first. */
  readonly isRepeatable: boolean;
  /** Nor is it sent again where it was refused unread: another server may answer by then. */
  readonly isOnce?: boolean;
  /** Milliseconds within which it is answered or fails. */
  readonly withinMs: number;
  /** It was sent and no answer came, so that it may have been carried out, or may still be. */
  readonly onUnheard?: () => void;
}

/** Between tries, in milliseconds. */
const PAUSE_MS = 50;
/** For how long a connection is taken to be there still after an answer came. */
const TRUSTED_MS = 10_000;
/** How long one that was quiet for longer may take to say that it is. */
const PROBED_MS = 500;

/**
 * The connection that a store's calls go through: made when it is needed, anew when it broke. Every call ends within its
 * time, also when the other side is silent: then the connection is given up.
 */
export class Link {
  readonly #connect: Connect;
  readonly #where: string;
  readonly #base: string;
  #connection: Promise<Connection> | undefined;
  #open: Connection | undefined;
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
        // Redis forgets scripts when it restarts, fails over or is told to.
        if (codeOf(error) !== "NOSCRIPT") throw error;
        return connection.send(this.#base, ["EVAL", script.text, ...called]);
      }),
    );
  }

  /** Runs a command. */
  command(args: readonly string[], options: CallOptions): Promise<Reply> {
    return this.#within(options, (connection) => connection.send(this.#base, args));
  }

  /** Runs commands one after the other on one connection; says which one that was, and what the last one's answer is. */
  commands(
    list: readonly (readonly string[])[],
    options: CallOptions,
  ): Promise<{ readonly connection: Connection; readonly reply: Reply }> {
    return this.#within(options, async (connection) => {
      const replies = await connection.sendAll(this.#base, list);
      return { connection, reply: replies.at(-1) as Reply };
    });
  }

  /** The connection that calls go through, as long as it does not break. */
  connection(options: CallOptions): Promise<Connection> {
    return this.#within(options, async (connection) => connection);
  }

  close(): void {
    this.#isClosed = true;
    this.#give(this.#open);
    this.#connection = undefined;
  }

  async #within<T>(options: CallOptions, send: (connection: Connection) => Promise<T>): Promise<T> {
    const deadline = new Deadline(options.withinMs);
    let told: unknown;
    this.#underWay++;
    this.#open?.hold(true);
    try {
      for (;;) {
        let isSent = false;
        let answerBy = deadline.endsAt;
        try {
          const trusted = this.#trusted;
          const connection = trusted ?? (await this.#found(deadline.endsAt));
          isSent = true;
          // However much of the call's time it took to find one, that is not silent before.
          if (trusted === undefined) answerBy = Math.max(answerBy, performance.now() + PROBED_MS);
          const reply = await this.#bounded(send(connection), answerBy, "it gave no answer", () =>
            this.#give(connection),
          );
          this.#heardAt = Date.now();
          return reply;
        } catch (error) {
          if (["READONLY", "MOVED"].includes(codeOf(error))) {
            this.#connect.follow?.(error);
            this.#give(this.#open);
          }
          if (isSent && !isReply(error)) options.onUnheard?.();
          const isSentAgain = !options.isOnce && (isRefused(error) || (options.isRepeatable && !isReply(error)));
          const isToRepeat = !isSent || isSentAgain;
          deadline.failed(answerBy);
          const isOver = performance.now() + PAUSE_MS > deadline.endsAt || error instanceof JobError || this.#isClosed;
          if (!(error instanceof JobError)) told = error;
          if (!isToRepeat || isOver || isHopeless(error)) {
            // Why it failed before tells more than that no time was left for another try.
            const isOutOfTime = error instanceof JobError && told !== undefined && (!isSent || isRefused(told));
            throw this.#isClosed ? closedFault() : faultOf(isOutOfTime ? told : error, this.#where);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#open?.hold(false);
    }
  }

  /** By the clock on the wall, which goes on where a process is frozen. */
  get #trusted(): Connection | undefined {
    return Math.abs(Date.now() - this.#heardAt) < TRUSTED_MS ? this.#open : undefined;
  }

  /**
   * A connection that is there. One that was quiet for long may have been cut off without a word, by a firewall or while the
   * process was frozen or its machine asleep: it is asked, so that no call finds out by waiting in vain.
   */
  async #found(endsAt: number): Promise<Connection> {
    if (this.#open !== undefined) {
      this.#probing ??= this.#probe(this.#open).finally(() => {
        this.#probing = undefined;
      });
      await this.#probing;
    }
    return this.#open ?? this.#bounded(this.#connected(), endsAt, "it took no connection");
  }

  async #probe(connection: Connection): Promise<void> {
    const endsAt = performance.now() + PROBED_MS;
    try {
      await this.#bounded(connection.send(this.#base, ["GET", this.#base]), endsAt, "it gave no answer");
    } catch (error) {
      if (!isReply(error)) return this.#give(connection);
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
      this.#give(made);
    });
    if (fault !== undefined || this.#isClosed) {
      connection.destroy();
      throw fault ?? new Error("the queue was closed meanwhile");
    }
    made = connection;
    this.#open = connection;
    this.#heardAt = Date.now();
    connection.hold(this.#underWay > 0);
    return connection;
  }

  /** Gives a connection up; the next call makes another. */
  #give(connection: Connection | undefined): void {
    if (connection === undefined) return;
    if (this.#open === connection) {
      this.#open = undefined;
      this.#connection = undefined;
    }
    connection.destroy();
  }

  #bounded<T>(promise: Promise<T>, endsAt: number, what: string, onLate?: () => void): Promise<T> {
    const ms = Math.max(1, endsAt - performance.now());
    return bounded(promise, ms, () => {
      onLate?.();
      return new JobError(
        "queue_unavailable",
        `Redis at ${this.#where} is silent: ${what} within ${Math.round(ms)} ms.`,
      );
    });
  }
}
