import type { DatabaseSync } from "node:sqlite";
import { JobError, type JobErrorCode } from "../../core/errors.ts";
import type { Signal, StoreReport } from "../../core/store.ts";
import { connect, type Durability, whenFree } from "./connection.ts";
import { factsOf, reportOf } from "./describe.ts";
import type { Calls, Method } from "./dispatcher.ts";
import { faultOf } from "./faults.ts";
import { FileIdentity } from "./file-identity.ts";
import { LatestTime } from "./latest-time.ts";
import { Watcher } from "./watcher.ts";
import { Writer } from "./writer.ts";

/** What the store asks the service to do. */
export type MessageContent =
  | { readonly kind: "open" }
  | { readonly kind: "call"; readonly method: Method; readonly args: Calls[Method]["args"]; readonly now: number }
  | { readonly kind: "watch"; readonly signal: Signal["kind"]; readonly now: number }
  | { readonly kind: "describe"; readonly timeAheadMs: number }
  | { readonly kind: "close" };

/** What the store sends to the service, with a number that the answer repeats. */
export type Message = MessageContent & { readonly number: number };

/** What the service sends back: an answer to each message, and signals and the time of other connections. */
export type Reply =
  | { readonly kind: "answer"; readonly number: number; readonly answer: unknown; readonly signals: readonly Signal[] }
  | { readonly kind: "error"; readonly number: number; readonly code: JobErrorCode; readonly message: string }
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "time"; readonly latest: number };

/** An open file, and what works on it. */
interface Opened {
  readonly db: DatabaseSync;
  readonly file: FileIdentity;
  readonly writer: Writer;
  readonly watcher: Watcher;
}

/** Owns the connection and serves the store's messages, on a thread of its own or on the program's. */
export class Service {
  readonly #path: string;
  readonly #durability: Durability;
  readonly #send: (reply: Reply) => void;
  #opening: Promise<number> | undefined;
  #opened: Opened | undefined;

  constructor(path: string, durability: Durability, send: (reply: Reply) => void) {
    this.#path = path;
    this.#durability = durability;
    this.#send = send;
  }

  async receive(message: Message): Promise<void> {
    const { number } = message;
    const resolve = (answer: unknown, signals: readonly Signal[] = []) =>
      this.#send({ kind: "answer", number, answer, signals });
    const reject = (error: unknown) => {
      const { code, message: text } = faultOf(error, this.#path);
      this.#send({ kind: "error", number, code, message: text });
    };
    try {
      if (message.kind === "call" && this.#opened !== undefined) {
        const { method, args, now } = message;
        this.#opened.writer.submit({ method, args, now, resolve, reject });
      } else if (message.kind === "close") resolve(await this.#close());
      else if (message.kind === "watch") resolve(this.#opened?.watcher.watch(message.signal, message.now));
      else if (message.kind === "open") {
        this.#opening = this.#open();
        resolve(await this.#opening);
      } else if (message.kind === "describe" && this.#opened !== undefined)
        resolve(this.#describe(this.#opened, message.timeAheadMs));
      else throw new JobError("queue_unavailable", `The queue's file ${this.#path} is not open.`);
    } catch (error) {
      reject(error);
    }
  }

  /** Resolves with the latest time stored in the file. As a failed open is retried, it must leave nothing open. */
  async #open(): Promise<number> {
    const db = await connect(this.#path, this.#durability);
    try {
      const file = new FileIdentity(this.#path);
      const writer = new Writer(db, file, (latest) => this.#send({ kind: "time", latest }));
      const watcher = new Watcher(db, (signal) => this.#send({ kind: "signal", signal }));
      const latest = await whenFree(() => new LatestTime(db).read());
      this.#opened = { db, file, writer, watcher };
      return latest;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  #describe({ db, file }: Opened, timeAheadMs: number): StoreReport {
    return reportOf({ ...factsOf(db, this.#path, file.path), timeAheadMs });
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    this.#opened?.watcher.stop();
    await this.#opened?.writer.drained();
    this.#opened?.db.close();
  }
}
