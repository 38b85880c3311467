import type { Node } from "./address.ts";
import { bounded } from "./bounded.ts";
import type { Connection } from "./connection.ts";
import { isReply } from "./faults.ts";

/** Where a sentinel announces switches: the primary's name, its old host and port, the new ones. */
const CHANNEL = "+switch-master";
/** Limit for subscribing, in milliseconds. */
const SUBSCRIBED_MS = 1_000;
/** The pause before listening to the next sentinel, in milliseconds. */
const PAUSE_MS = 1_000;

/**
 * Listens to one of the sentinels, and calls back when it announces another primary. After a failover by command, or if it only
 * hung, the old one accepts writes for another ten seconds, until the sentinels make it a replica, and all of them are lost. Only a
 * hint: a switch that is announced while no sentinel is heard becomes known when the old primary breaks its connections or refuses
 * writes.
 *
 * @returns ends it
 */
export function watchPrimary(
  name: string,
  sentinels: readonly Node[],
  dial: (sentinel: Node, onBroken: () => void) => Promise<Connection>,
  onSwitched: (to: Node) => void,
): () => void {
  let turn = Math.floor(Math.random() * sentinels.length);
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let connection: Connection | undefined;

  const drop = () => {
    clearTimeout(timer);
    const dropped = connection;
    connection = undefined;
    dropped?.destroy();
  };
  const listenLater = () => {
    drop();
    if (!isOver) timer = setTimeout(listen, PAUSE_MS).unref();
  };
  const listen = async () => {
    let open: Connection | undefined;
    const onBroken = () => {
      // One that was dropped ends, too.
      if (connection === open) listenLater();
    };
    try {
      open = await dial(sentinels[turn++ % sentinels.length] as Node, onBroken);
      if (isOver) return open.destroy();
      connection = open;
      const subscribed = open.subscribe(CHANNEL, (message) => {
        const [of, , , host = "", port] = message.split(" ");
        if (of === name) onSwitched({ host, port: Number(port) });
      });
      await bounded(subscribed, SUBSCRIBED_MS, undefined, false);
    } catch (error) {
      // A user without the right to subscribe will not get it.
      if (isReply(error)) drop();
      else listenLater();
    }
  };
  void listen();
  return () => {
    isOver = true;
    drop();
  };
}
