import { createServer, type Server } from "node:http";
import type { Health } from "../background/engine/health.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { hostNameOf, isLoopbackName } from "../http/loopback.ts";
import { UsageError } from "./exit-code.ts";

/** How long a result is reused for further requests. */
const FRESH_MS = 1_000;

export interface HealthEndpointInit {
  readonly port: number;
  readonly queues: () => readonly JobQueue[];
  readonly running: () => number;
  readonly isStopping: () => boolean;
}

/**
 * Starts an HTTP server, on loopback only, that answers `GET` with 200 while the worker can claim jobs, and with 503 if
 * it cannot or is stopping.
 *
 * @throws UsageError when the port cannot be used
 */
export async function serveHealth(init: HealthEndpointInit): Promise<{ readonly port: number; close(): void }> {
  let probe: { readonly at: number; readonly healths: Promise<readonly Health[]> } | undefined;
  const probed = () => {
    if (probe === undefined || performance.now() - probe.at > FRESH_MS) {
      probe = { at: performance.now(), healths: Promise.all(init.queues().map((queue) => queue.health())) };
    }
    return probe.healths;
  };
  const server = createServer(async (request, response) => {
    if (!isForThisMachine(request.headers.host)) {
      response.writeHead(403).end();
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const isStopping = init.isStopping();
    const queues = isStopping ? [] : await probed();
    const isHealthy = !isStopping && queues.every((health) => health.isHealthy);
    response.writeHead(isHealthy ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify({ isHealthy, isStopping, running: init.running(), queues }));
  });
  // Idle connections must not delay shutdown.
  server.keepAliveTimeout = 1_000;
  await listening(server, init.port);
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Prevents DNS rebinding: a web page's host name may resolve to this machine. Probes may send no Host header. */
function isForThisMachine(host: string | undefined): boolean {
  return host === undefined || isLoopbackName(hostNameOf(host) ?? "");
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new UsageError(`The port ${port} for --health cannot be used: ${error.message}`)),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
}
