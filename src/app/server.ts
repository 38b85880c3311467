import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { Connection } from "./connection.ts";
import { startDefaultQueue } from "./default-queue-lease.ts";
import { onEndSignal } from "./end-signals.ts";
import { HttpServer } from "./http-server.ts";

/** Where and how an App is served. */
export interface RunOptions {
  /** Default: 8000. 0 takes any free one. */
  readonly port?: number | undefined;
  /** Default: `"127.0.0.1"`, which only this machine can reach. In a container it has to be `"0.0.0.0"`. */
  readonly hostname?: string | undefined;
  /** Closes the server when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** How long requests and running jobs may take to finish when the server closes. Default: `"10s"`. */
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
  /** Without a slash at its end: `"http://127.0.0.1:8000"`. */
  readonly url: string;
  readonly port: number;
  readonly hostname: string;
  /**
   * Accepts no requests and claims no jobs any more, gives both `grace` to finish, and closes the default queue. Its jobs go on
   * where another server runs. More than once is fine.
   */
  close(options?: { readonly grace?: Duration | undefined }): Promise<void>;
}

/**
 * Serves a fetch handler, and runs the default queue beside it.
 *
 * @throws JobError `invalid_option`, also when the port is taken; whatever starting the queue throws
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
    // It may be a stream that was asked for before the others were ended.
    if (closing !== undefined) endStreams();
    return response;
  });
  const address = await http.listen(port, hostname);
  const letGoOfQueue = await startDefaultQueue().catch(async (error: unknown) => {
    await http.close(0);
    throw error;
  });

  async function shutDown(withinMs: number): Promise<void> {
    try {
      endStreams();
      await letGoOfQueue(withinMs, http.close(withinMs));
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
      logger.error("The app could not be closed in good order.", error);
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
    throw new JobError("invalid_option", 'The hostname of app.run has to be a text such as "127.0.0.1" or "0.0.0.0".');
  }
  return {
    port: wholeNumber(port, 0, "port of app.run", 65_535),
    hostname,
    signal,
    graceMs: toMs(grace, "grace of app.run"),
  };
}

/** As it stands in a URL; where all addresses are meant, one that can be opened. */
function hostOf(hostname: string): string {
  if (hostname === "0.0.0.0" || hostname === "::") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
