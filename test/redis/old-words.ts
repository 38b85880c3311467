import { createServer, connect as dial, type Socket } from "node:net";

/** An error in a script, as Redis 7 and later report it. */
const SINCE_7 = /-([A-Z]+ [^\r\n]*?) script: ([0-9a-f]{40}), on @user_script:(\d+)\.\r\n/g;

/**
 * A proxy in front of a server that rewrites errors in scripts as Redis 6.2 words them, for which no supported system has a package.
 * The wording was taken from Redis 6.0.16.
 */
export async function inOldWords(port: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const ends = new Set<Socket>();
  const server = createServer((client) => {
    const redis = dial(port, "127.0.0.1");
    for (const [from, to] of [
      [client, redis],
      [redis, client],
    ] as const) {
      ends.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
    }
    client.pipe(redis);
    redis.on("data", (bytes) => client.write(oldWords(bytes.toString("latin1")), "latin1"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`,
    async close() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function oldWords(answers: string): string {
  return answers.replace(SINCE_7, (_answer, said: string, sha: string, line: string) => {
    // An error of the command itself is passed on unchanged; a refusal to run the command gets a second prefix.
    const inner = said.startsWith("WRONGTYPE") ? said : `@user_script: ${line}: -${said}  `;
    return `-ERR Error running script (call to f_${sha}): @user_script:${line}: ${inner} \r\n`;
  });
}
