import { JobError } from "../../core/errors.ts";
import type { Node } from "./address.ts";
import { bounded } from "./bounded.ts";
import type { Connection } from "./connection.ts";
import { codeOf, isReply } from "./faults.ts";

class UnknownPrimary extends Error {}

/** How long a sentinel may take to answer, in milliseconds. */
const ANSWERED_MS = 1_000;

/**
 * Resolves with the primary's address from the first sentinel that answers. All are asked at once, since a dead one only times out.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
export async function primaryOf(
  name: string,
  sentinels: readonly Node[],
  dial: (sentinel: Node) => Promise<Connection>,
): Promise<Node> {
  const ask = async (sentinel: Node) => {
    const connection = await dial(sentinel);
    try {
      const question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name];
      const answer = await bounded(connection.send("", question), ANSWERED_MS, undefined, false);
      if (!Array.isArray(answer)) throw new UnknownPrimary(`the sentinels know no primary of the name ${name}`);
      return { host: String(answer[0]), port: Number(answer[1]) };
    } finally {
      connection.destroy();
    }
  };
  try {
    return await Promise.any(sentinels.map(ask));
  } catch (error) {
    const faults = (error as AggregateError).errors;
    const fault = faults.find((fault) => isReply(fault) || fault instanceof UnknownPrimary) ?? faults.at(-1);
    throw codeOf(fault) === "NOAUTH" ? loginFault(fault) : fault;
  }
}

function loginFault(cause: unknown): JobError {
  return new JobError(
    "queue_unavailable",
    "The sentinels of Redis require a login of their own, and a url has only that of the primary: pass a client from createSentinel().",
    { cause },
  );
}
