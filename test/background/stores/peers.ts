import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { JobError, type JobErrorCode } from "rapidai/background";
import { afterAll } from "vitest";
import type { SharedOptions } from "./programs/shared.ts";

const PROGRAM: string = fileURLToPath(new URL("./programs/peer.ts", import.meta.url));

const folders: string[] = [];
const peers = new Set<Peer>();

// However the tests of a file end, they leave nothing behind.
afterAll(async () => {
  await Promise.all([...peers].map((peer) => peer.end()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, removed when all tests of the file have run. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-faults-"));
  folders.push(folder);
  return folder;
}

/** A call that a test makes in a process. */
export interface PeerCall {
  readonly number: number;
  readonly name: string;
  readonly args: never[];
}

/** A message from a process to the test. */
export type PeerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly number: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly number: number; readonly code: string | undefined; readonly message: string }
  | {
      readonly kind: "event";
      readonly name: string;
      readonly jobId: string | null;
      readonly error: string | null;
      readonly at: number;
    }
  | { readonly kind: "aborted"; readonly jobId: string; readonly code: string; readonly at: number };

/** A line of the journal that the task `work` writes. */
export interface Line {
  readonly what: "start" | "end";
  readonly id: string;
  readonly attempt: number;
  readonly at: number;
  readonly pid: number;
}

export function linesOf(journal: string): Line[] {
  const text = readFileSync(journal, "utf8").trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}

/** Another process with a queue of the same jobs: `programs/peer.ts`. */
export class Peer {
  /** Events and aborted signals, in the order in which they were received. */
  readonly messages: PeerMessage[] = [];
  readonly ended: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #ready = Promise.withResolvers<void>();
  #numbers = 0;

  constructor() {
    this.#process = spawn(process.execPath, [...process.execArgv, PROGRAM], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.ended = once(this.#process, "exit");
    this.#process.on("message", (message: PeerMessage) => this.#receive(message));
    this.#process.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("The process has ended."));
    });
    peers.add(this);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** Kills it at once, even while it is stopped. */
  async end(): Promise<void> {
    peers.delete(this);
    this.signal("SIGKILL");
    await this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Calls a method of the queue, or one of the program's own functions. */
  async call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    await this.#ready.promise;
    const number = this.#numbers++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(number, waiting);
    this.#process.send({ number, name, args });
    return (await waiting.promise) as T;
  }

  events(name: string): Extract<PeerMessage, { kind: "event" }>[] {
    return this.messages.filter((message) => message.kind === "event").filter((event) => event.name === name);
  }

  aborts(): Extract<PeerMessage, { kind: "aborted" }>[] {
    return this.messages.filter((message) => message.kind === "aborted");
  }

  #receive(message: PeerMessage): void {
    if (message.kind === "ready") this.#ready.resolve();
    else if (message.kind === "answer") this.#waiting.get(message.number)?.resolve(message.value);
    else if (message.kind === "refusal") {
      const { number, code = "queue_unavailable", message: text } = message;
      this.#waiting.get(number)?.reject(new JobError(code as JobErrorCode, text));
    } else this.messages.push(message);
  }
}

/** Starts processes, each with a queue of these options. */
export async function startPeers(count: number, options: SharedOptions, journal?: string): Promise<Peer[]> {
  const started = Array.from({ length: count }, () => new Peer());
  await Promise.all(started.map((peer) => peer.call("make", options, journal)));
  return started;
}
