import { createClient } from "redis";

/** Sends commands to a server on a separate connection, beside the queue. Resolves with the replies. */
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
