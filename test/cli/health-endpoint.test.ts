import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { serveHealth } from "../../src/cli/health-endpoint.ts";

test("a worker's health is told to this machine by its own names alone, so that no page can have its name lead there", async () => {
  const { port, close } = await serveHealth({ port: 0, queues: () => [], running: () => 0, isStopping: () => false });
  onTestFinished(close);
  const answerTo = async (header: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET / HTTP/1.0\r\n${header}\r\n`);
    return text(socket);
  };
  for (const host of [`127.0.0.1:${port}`, "localhost", "[::1]", `LOCALHOST:${port}`]) {
    expect(await answerTo(`Host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 200 .*"isHealthy":true/s);
  }
  // Browsers always say whom they ask, and some load balancers never do.
  expect(await answerTo("")).toMatch(/^HTTP\/1\.1 200 /);
  for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example", ""]) {
    expect(await answerTo(`Host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 403 [^{]*$/s);
  }
});
