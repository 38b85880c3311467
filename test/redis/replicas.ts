import { createClient } from "redis";

/** Waits until a replica confirms writes: after it has connected, its first acknowledgement may take another second. */
export async function untilReplicaConfirms({ url }: { readonly url: string }): Promise<void> {
  const client = await createClient({ url }).connect();
  try {
    await client.publish("anything", "");
    const confirmed = await client.wait(1, 10_000);
    if (confirmed !== 1) throw new Error(`${url} has no replica that confirms anything.`);
  } finally {
    client.destroy();
  }
}
