import { JobError } from "../../core/errors.ts";
import { messageOf } from "../../core/failure.ts";
import { isTls } from "./address.ts";

/**
 * The prefix that Redis before 7, and Dragonfly, put before an error that ends a script: `ERR Error running script (call to
 * f_1028…): @user_script:4: @user_script: 4: -READONLY You can't write against a read only replica.`
 */
const IN_SCRIPT = /^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+/;

/** An error's message, without the prefix of an error in a script. */
function saidBy(error: unknown): string {
  const message = messageOf(error);
  const said = message.replace(IN_SCRIPT, "").trim();
  // Redis up to 7.0 has no code for this one.
  if (/^(ERR )?The user executing the script can't/.test(said)) return `NOPERM ${said.replace("ERR ", "")}`;
  if (said === message) return message;
  return /^-?[A-Z]{3,} /.test(said) ? said : `ERR ${said}`;
}

/** Errors without a code: too many clients, and, for more than ten arguments, a missing password. */
const WITHOUT_CODE = {
  FULL: "ERR max number of clients",
  NOAUTH: "ERR Protocol error: unauthenticated",
};

/** The code of an error reply of Redis, such as `LOADING`, or `FULL` for too many clients; empty for any other error. */
export function codeOf(error: unknown): string {
  for (const [code, said] of Object.entries(WITHOUT_CODE))
    if (error instanceof Error && error.message.startsWith(said)) return code;
  return (error instanceof Error && /^-?([A-Z]{3,})(?= |$)/.exec(saidBy(error))?.[1]) || "";
}

/** Codes of transient refusals, sent before Redis has done anything. */
const PASSING = new Set([
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "ASK",
  "MOVED",
  "BUSY",
  "NOREPLICAS",
  "FULL",
]);

/** Whether the command was refused without effect, so that any command can be sent again. */
export function isRefused(error: unknown): boolean {
  return PASSING.has(codeOf(error));
}

/** Whether the error is a reply of Redis, so that the connection works. */
export function isReply(error: unknown): boolean {
  return codeOf(error) !== "";
}

/** Whether retrying is pointless until somebody changes a setting. */
export function isHopeless(error: unknown): boolean {
  return ["WRONGPASS", "NOAUTH", "NOPERM", "ERR"].includes(codeOf(error)) || isUntrusted(error);
}

/** Whether the server's certificate was rejected, https://nodejs.org/api/tls.html#x509-certificate-error-codes. */
function isUntrusted(error: unknown): boolean {
  const code = error instanceof Error && (error as NodeJS.ErrnoException).code;
  return typeof code === "string" && /CERT|LEAF_SIGNATURE|^HOSTNAME_MISMATCH$/.test(code);
}

/** How every call fails once its store is closed, including those in flight. */
export function closedFault(): JobError {
  return new JobError("queue_closed", "This Redis queue is closed: create a new one, or close it later.");
}

/** The message of the package's DisconnectsClientError: we closed the connection while a command waited for its reply. */
const GIVEN_UP = "Disconnects client";

/** Whether the call failed only because its connection was closed here. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Error && error.message === GIVEN_UP;
}

/** Why a connection is broken off although it works. */
export const SWITCHED = "another server became the primary";

/** What went wrong, as a sentence for the operator. */
export function faultOf(error: unknown, where: string): JobError {
  if (error instanceof JobError) return error;
  return new JobError("queue_unavailable", sentenceOf(error, where), { cause: error });
}

function sentenceOf(error: unknown, where: string): string {
  const said = saidBy(error) || "no reason was given";
  if (isUntrusted(error))
    return `Redis at ${where} has a certificate that is not trusted (${said}): set NODE_EXTRA_CA_CERTS to the file of its certificate authority, or pass a client with socket.ca.`;
  switch (codeOf(error)) {
    case "OOM":
      return `Redis at ${where} has no memory left for new jobs: raise maxmemory, remove finished jobs (rapidai prune), or lower the retention; nothing that was accepted is lost.`;
    case "WRONGTYPE":
      return `Redis at ${where} has keys under the queue's prefix that do not belong to the queue: remove them, or choose another prefix.`;
    case "NOAUTH":
      return `Redis at ${where} requires a password: set it in the url, redis://user:password@host:port.`;
    case "WRONGPASS":
      return `Redis at ${where} rejected the password: check the user and password in the url.`;
    case "NOPERM":
      return `Redis at ${where} denies this user a permission that a queue needs (${said}): grant +@read +@write +eval +evalsha +publish +subscribe +unsubscribe +info +time, and the keys and channels of its prefix, if that is the right one; ACL LOG shows what was denied.`;
    case "FULL":
      return `Redis at ${where} has reached its limit of clients: raise maxclients, or connect fewer processes.`;
    case "LOADING":
      return `Redis at ${where} is still loading its data: try again when it is done.`;
    case "MOVED":
      return `Redis at ${where} is a node of a cluster, and the node that has the queue cannot be reached (${said}).`;
    case "ASK":
    case "TRYAGAIN":
      return `Redis at ${where} is moving the queue to another node of the cluster: try again when the move is done.`;
    case "READONLY":
      return `Redis at ${where} is a replica and accepts no writes: connect to the primary.`;
    case "BUSY":
      return `Redis at ${where} is busy with a client's script and answers no one: calls continue when the script ends. SCRIPT KILL ends a script that has not written anything yet.`;
    case "NOREPLICAS":
      return `Redis at ${where} accepts no writes while it has fewer replicas than its min-replicas-to-write: bring the replicas back, or lower that setting.`;
    case "MISCONF":
      return `Redis at ${where} accepts no writes because it cannot save its data: check its log and its disk.`;
    case "":
      if (said === GIVEN_UP)
        return `Redis at ${where} did not answer: the connection was dropped, because another call found it silent or no longer the primary.`;
      if (said === SWITCHED)
        return `Redis at ${where} did not answer: the connection was dropped, because ${SWITCHED}.`;
      // What happens, too, if only one side speaks TLS.
      if (/ECONNRESET|EPROTO|closed unexpectedly|timeout/.test(said))
        return `Redis at ${where} cannot be reached: ${said}. Is it running, and ${isTls(where) ? "with" : "without"} TLS?`;
      return `Redis at ${where} cannot be reached: ${said}. Is it running?`;
    default:
      // GET is the first command of a queue that a sentinel does not know. Redis before 7 quotes differently.
      if (/^ERR unknown command ['`]GET['`]/.test(said))
        return `The server at ${where} is not a Redis that stores keys: if it is a sentinel, use redis+sentinel://host:port/name.`;
      if (/^ERR unknown command ['`]SENTINEL['`]/.test(said))
        return `The server at ${where} is not a sentinel: ask one, usually at port 26379, or use redis://host:port.`;
      return `Redis at ${where} returned an error: ${said}`;
  }
}
