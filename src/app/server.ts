import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { Connection } from "./connection.ts";
import { startDefaultQueue } from "./default-queue-lease.ts";
import { onEndSignal } from "./end-signals.ts";
import { HttpServer } from "./http-server.ts";

/** Options of `app.run`. */
export interface RunOptions {
  /** Default: 8000. 0 picks a free port. */
  readonly port?: number | undefined;
  /** Default: `"127.0.0.1"`, which only this machine can reach. In a container, use `"0.0.0.0"`. */
  readonly hostname?: string | undefined;
  /** Closes the server when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** How long requests and running jobs get to finish when the server closes. Default: `"10s"`. */
  readonly grace?: Duration | undefined;
}

/**
 * A running App.
 *
 * @example
 * ```ts
 * const server = await app.run({ port: 0 });
 * const response = await fetch(`${server.url}/jobs`);
 * await server.close();
 * ```
 */
export interface AppServer extends AsyncDisposable {
  /** Without a trailing slash: `"http://127.0.0.1:8000"`. */
  readonly url: string;
  readonly port: number;
  readonly hostname: string;
  /**
   * Stops accepting requests and claiming jobs, gives both `grace` to finish, and closes the default queue, unless
   * another server of this process uses it. May be called more than once.
   */
  close(options?: { readonly grace?: Duration | undefined }): Promise<void>;
}

/**
 * Serves a fetch handler and runs the default queue.
 *
 * @throws JobError `invalid_option`, also when the port is in use; whatever starting the queue throws
 */
export async function runServer(
  fetch: (request: Request, connection?: Connection) => Promise<Response>,
  options: RunOptions,
  logger: Logger,
  endStreams: () => void,
): Promise<AppServer> {
  const { port, hostname, signal, graceMs } = check(options);
  signal?.throwIfAborted();
  let closing: Promise<void> | undefined;
  const http = new HttpServer(async (request, connection) => {
    const response = await fetch(request, connection);
    // The response may be a stream that was requested before the server began to close.
    if (closing !== undefined) endStreams();
    return response;
  });
  const address = await http.listen(port, hostname);
  const releaseQueue = await startDefaultQueue().catch(async (error: unknown) => {
    await http.close(0);
    throw error;
  });

  async function shutDown(withinMs: number): Promise<void> {
    try {
      endStreams();
      await releaseQueue(withinMs, http.close(withinMs));
    } finally {
      signal?.removeEventListener("abort", end);
      removeSignals();
    }
  }
  async function close({ grace }: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    const withinMs = grace === undefined ? graceMs : toMs(grace, "grace of close()");
    closing ??= shutDown(withinMs);
    await closing;
  }
  function end(): void {
    close().catch((error: unknown) => {
      logger.error("The app could not be shut down cleanly.", error);
      process.exitCode = 1;
    });
  }
  const removeSignals = onEndSignal(end);
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted) end();

  const url = `http://${hostOf(hostname)}:${address.port}`;
  logger.info(`Listening on ${url}`);
  return { url, port: address.port, hostname, close, [Symbol.asyncDispose]: () => close() };
}

interface Checked {
  readonly port: number;
  readonly hostname: string;
  readonly signal: AbortSignal | undefined;
  readonly graceMs: number;
}

function check(options: RunOptions): Checked {
  checkOptions(options, ["port", "hostname", "signal", "grace"], "options of app.run");
  const { port = 8000, hostname = "127.0.0.1", signal, grace = "10s" } = options;
  if (typeof hostname !== "string" || hostname === "") {
    throw new JobError("invalid_option", 'The hostname of app.run must be a string such as "127.0.0.1" or "0.0.0.0".');
  }
  return {
    port: wholeNumber(port, 0, "port of app.run", 65_535),
    hostname,
    signal,
    graceMs: toMs(grace, "grace of app.run"),
  };
}

/** The host as written in a URL; `localhost` for the wildcard addresses, which cannot be opened. */
function hostOf(hostname: string): string {
  if (hostname === "0.0.0.0" || hostname === "::") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
