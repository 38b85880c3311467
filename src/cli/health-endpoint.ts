import { createServer, type Server } from "node:http";
import type { Health } from "../background/engine/health.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { hostNameOf, isLoopbackName } from "../http/loopback.ts";
import { UsageError } from "./exit-code.ts";

/** For so long one look serves all who ask. */
const FRESH_MS = 1_000;

export interface HealthEndpointInit {
  readonly port: number;
  readonly queues: () => readonly JobQueue[];
  readonly running: () => number;
  readonly isStopping: () => boolean;
}

/**
 * Answers `GET` on this machine alone, by a name of its own: 200 while the worker can claim jobs, 503 when it cannot or is about to end.
 *
 * @returns its port, and what closes it
 * @throws UsageError when the port is taken
 */
export async function serveHealth(init: HealthEndpointInit): Promise<{ readonly port: number; close(): void }> {
  let looked: { readonly at: number; readonly healths: Promise<readonly Health[]> } | undefined;
  const look = () => {
    if (looked === undefined || performance.now() - looked.at > FRESH_MS) {
      looked = { at: performance.now(), healths: Promise.all(init.queues().map((queue) => queue.health())) };
    }
    return looked.healths;
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
    const queues = isStopping ? [] : await look();
    const isHealthy = !isStopping && queues.every((health) => health.isHealthy);
    response.writeHead(isHealthy ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify({ isHealthy, isStopping, running: init.running(), queues }));
  });
  // Nobody who holds a connection open may hold up the end.
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

/** A page can have its own name lead to this machine, but its browser sends that name. A probe may send none. */
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
