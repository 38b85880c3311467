import { createServer, connect as dial, type Socket } from "node:net";

/** How an error of a script ends since Redis 7. */
const SINCE_7 = /-([A-Z]+ [^\r\n]*?) script: ([0-9a-f]{40}), on @user_script:(\d+)\.\r\n/g;

/**
 * A port in front of a server that tells the errors of scripts in the words of Redis 6.2, which no system that is still cared for has
 * a package of. The words are those that a Redis 6.0.16 was heard to say.
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
    // What a command says of its key stands there as it is; what keeps a command from being run, behind one word more.
    const inner = said.startsWith("WRONGTYPE") ? said : `@user_script: ${line}: -${said}  `;
    return `-ERR Error running script (call to f_${sha}): @user_script:${line}: ${inner} \r\n`;
  });
}
