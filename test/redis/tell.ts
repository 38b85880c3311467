import { createClient } from "redis";

/** Says something to a server beside the queue, by a connection of its own. Resolves with the answers. */
export async function tell(url: string, ...commands: readonly (readonly string[])[]): Promise<unknown[]> {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  try {
    const answers: unknown[] = [];
    for (const command of commands) answers.push(await client.sendCommand(command));
    return answers;
  } finally {
    client.destroy();
  }
}
