import { createClient } from "redis";

/** A replica that says it is up is believed by its primary only with its first word, which it gives up to a second later. */
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
