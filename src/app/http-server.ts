import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { MAX_TIMER_MS } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import type { Connection } from "./connection.ts";
import { errorResponse, invalidInput } from "./refusal.ts";

/** Node's HTTP server over a fetch handler. Closing it lets requests in progress finish. */
export class HttpServer {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #outgoing: Set<ServerResponse> = new Set();
  #isClosing = false;

  constructor(fetch: (request: Request, connection?: Connection) => Promise<Response>) {
    const listener = getRequestListener(fetch, {
      // For requests without a Host header, which HTTP/1.0 allows.
      hostname: "localhost",
      // A library must not replace the process's Request and Response.
      overrideGlobalObjects: false,
      errorHandler: () => errorResponse(invalidInput("The request's URL or Host header is not valid.")),
    });
    this.#server = createServer((incoming, outgoing) => {
      this.#track(outgoing);
      void listener(incoming, outgoing);
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** @throws JobError `invalid_option` when the address cannot be bound */
  async listen(port: number, hostname: string): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ port, host: hostname }, resolve);
    try {
      await promise;
    } catch (error) {
      throw explain(error, port, hostname);
    }
    this.#server.off("error", reject);
    return this.#server.address() as AddressInfo;
  }

  /** Stops accepting, waits up to `graceMs` for requests in progress, then destroys the connections left. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const outgoing of this.#outgoing) endConnection(outgoing);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    // Browsers open connections in advance, and Node does not count one without a request as idle.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    const timer = setTimeout(() => this.#server.closeAllConnections(), Math.min(graceMs, MAX_TIMER_MS));
    await promise;
    clearTimeout(timer);
  }

  #track(outgoing: ServerResponse): void {
    this.#outgoing.add(outgoing);
    if (this.#isClosing) endConnection(outgoing);
    outgoing.once("close", () => {
      this.#outgoing.delete(outgoing);
      if (this.#isClosing) setImmediate(() => this.#server.closeIdleConnections());
    });
  }
}

/** Turns off keep-alive: a connection that waits for its next request would hold the server open. */
function endConnection(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.setHeader("connection", "close");
}

function explain(error: unknown, port: number, hostname: string): JobError {
  const code = (error as NodeJS.ErrnoException).code;
  const where = `port ${port} of ${hostname}`;
  const why =
    code === "EADDRINUSE"
      ? `${where} is in use: end the other program, or choose another port (0 picks any free one)`
      : code === "EACCES"
        ? `this user may not listen on ${where}: choose a port from 1024 on`
        : `${where} cannot be used (${code ?? String(error)})`;
  return new JobError("invalid_option", `The app cannot start: ${why}.`, { cause: error });
}
