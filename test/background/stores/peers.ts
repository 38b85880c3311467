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

/** What a test asks a process to do. */
export interface Deed {
  readonly number: number;
  readonly name: string;
  readonly args: never[];
}

/** What a process reports. */
export type Told =
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
  readonly told: Told[] = [];
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
    this.#process.on("message", (told: Told) => this.#hear(told));
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

  events(name: string): Extract<Told, { kind: "event" }>[] {
    return this.told.filter((told) => told.kind === "event").filter((event) => event.name === name);
  }

  aborts(): Extract<Told, { kind: "aborted" }>[] {
    return this.told.filter((told) => told.kind === "aborted");
  }

  #hear(told: Told): void {
    if (told.kind === "ready") this.#ready.resolve();
    else if (told.kind === "answer") this.#waiting.get(told.number)?.resolve(told.value);
    else if (told.kind === "refusal") {
      const { code, message } = told;
      this.#waiting.get(told.number)?.reject(new JobError((code ?? "queue_unavailable") as JobErrorCode, message));
    } else this.told.push(told);
  }
}

/** Starts processes, each with a queue of these options. */
export async function startPeers(count: number, options: SharedOptions, journal?: string): Promise<Peer[]> {
  const started = Array.from({ length: count }, () => new Peer());
  await Promise.all(started.map((peer) => peer.call("make", options, journal)));
  return started;
}
