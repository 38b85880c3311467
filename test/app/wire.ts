import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { AppServer } from "../../src/app/server.ts";

/** Sends bytes, one for each character, and resolves to all that comes back, once the server has closed the connection. */
export async function exchange(server: AppServer, request: string): Promise<string> {
  const socket = connect(server.port, server.hostname);
  socket.write(request, "latin1");
  return text(socket);
}
