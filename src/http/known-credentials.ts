import { createHash } from "node:crypto";

/** Where credentials are sent, as far as can be known here. */
const HEADERS = ["authorization", "cookie", "x-api-key"];
/** Beyond them the ones that were silent longest are forgotten. */
const MAX_KNOWN = 1_000;

/** Credentials that were let in, and as which client. Who sends them again is no stranger, wherever that is from. */
export class KnownCredentials {
  /** By their digest, so that none is kept. */
  readonly #clients = new Map<string, string>();

  clientOf(request: Request): string | undefined {
    return this.#clients.get(digestOf(request));
  }

  /** `null` forgets them. */
  note(request: Request, client: string | null): void {
    if (HEADERS.every((name) => !request.headers.has(name))) return;
    const digest = digestOf(request);
    // Behind all others again: a Map keeps the order in which its keys came.
    this.#clients.delete(digest);
    if (client === null) return;
    this.#clients.set(digest, client);
    if (this.#clients.size > MAX_KNOWN) this.#clients.delete(this.#clients.keys().next().value as string);
  }
}

function digestOf({ headers }: Request): string {
  return createHash("sha256")
    .update(JSON.stringify(HEADERS.map((name) => headers.get(name))))
    .digest("base64");
}
