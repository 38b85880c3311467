import { createServer, connect as dial, type Server, type Socket } from "node:net";

/**
 * What the proxy does: `late` delays all data, `narrow` limits the bandwidth to 32 Mbit/s, `silent` drops all data and keeps connections
 * open, `reset` breaks existing and new connections, `cut` breaks a connection after the first bytes of an answer, `echo` returns
 * whatever it receives. The last is what a client meets that dials a local port on which nobody listens, and is given the same port
 * as its own: it talks to itself.
 */
export type Fault = "none" | "late" | "narrow" | "silent" | "reset" | "cut" | "echo";

const LATE_MS = 300;
const CUT_AFTER = 3;
const NARROW_BYTES_PER_MS = 4_000;

/** A proxy in front of a server that simulates network faults. */
export class TcpProxy {
  readonly #port: number;
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  #joined = 0;
  #cutOff = 0;
  #fault: Fault = "none";

  private constructor(port: number, server: Server) {
    this.#port = port;
    this.#server = server;
  }

  static async before(port: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: false });
    const proxy = new TcpProxy(port, server);
    server.on("connection", (client) => proxy.#join(client));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Sets the fault from now on. Connections that were silent stay silent, as they do if the other side has crashed. */
  set(fault: Fault): void {
    if (fault === "reset" || fault === "echo" || this.#fault === "echo")
      for (const end of this.#ends) end.resetAndDestroy();
    this.#fault = fault;
  }

  /** The number of connections so far. */
  get connections(): number {
    return this.#joined;
  }

  /** Makes all existing connections silent, and leaves new ones alone. */
  cutOff(): void {
    this.#cutOff = this.#joined;
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    const number = ++this.#joined;
    if (this.#fault === "echo") {
      this.#ends.add(client);
      client.on("error", () => {}).on("close", () => this.#ends.delete(client));
      client.pipe(client);
      return;
    }
    const server = dial(this.#port, "127.0.0.1");
    let isSilent = false;
    const breakOff = () => {
      client.resetAndDestroy();
      server.destroy();
    };
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#ends.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        this.#ends.delete(from);
        // Half open: the other side does not notice.
        if (!isSilent) to.destroy();
      });
      // Delayed data holds up what follows it. Counted from when each is due, so that timers that fire late do not add up.
      let earlier: Promise<unknown> = Promise.resolve();
      let dueAt = 0;
      from.on("data", (bytes) => {
        isSilent ||= this.#fault === "silent" || number <= this.#cutOff;
        const fault = this.#fault;
        const takesMs = fault === "late" ? LATE_MS : fault === "narrow" ? bytes.length / NARROW_BYTES_PER_MS : 0;
        if (takesMs > 0) {
          const at = Math.max(dueAt, performance.now()) + takesMs;
          dueAt = at;
          earlier = earlier.then(
            () => new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now()))),
          );
        }
        earlier = earlier.then(() => {
          if (isSilent || to.destroyed) return;
          if (fault === "cut" && from === server) to.write(bytes.subarray(0, CUT_AFTER), breakOff);
          else to.write(bytes);
        });
      });
    }
    if (this.#fault === "reset") client.once("readable", breakOff);
  }
}
