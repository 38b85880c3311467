import { createHash } from "node:crypto";

/** Headers in which credentials are usually sent. */
const HEADERS = ["authorization", "cookie", "x-api-key"];
/** Most credentials that are remembered; the least recently used are forgotten first. */
const MAX_KNOWN = 1_000;
/** Marks credentials that several clients share, and that therefore identify none of them. */
const SHARED = null;

interface Lookup {
  /** The client, if the credentials are known. */
  readonly known: string | undefined;
  /** Ends the look-up with the client of the credentials; with `null` if they are invalid, without an argument if unknown. */
  end(client?: string | null): void;
  /** Authentication failed with an error, which rejects the look-ups that wait for it. */
  fail(error: unknown): void;
}

/** Remembers accepted credentials and their clients, so that a client is recognized wherever its requests come from. */
export class KnownCredentials {
  /** By digest, so that no credentials are kept in memory. */
  readonly #clients = new Map<string, string | typeof SHARED>();
  /** Look-ups of new credentials, which are being authenticated, by digest. */
  readonly #pending = new Map<string, Promise<void>>();

  /**
   * Looks up a request's credentials. Of concurrent requests with the same new credentials, only the first is
   * authenticated; the others wait for the result, since all of them are a single guess.
   *
   * @throws the error with which authenticating another of these requests failed
   */
  async lookUp(request: Request): Promise<Lookup> {
    const digest = digestOf(request);
    if (digest === undefined) return { known: undefined, end: () => {}, fail: () => {} };
    while (!this.#clients.has(digest) && this.#pending.has(digest)) await this.#pending.get(digest);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // There may be no other request that waits for it.
    promise.catch(() => {});
    if (!this.#clients.has(digest)) this.#pending.set(digest, promise);
    return {
      known: this.#clients.get(digest) ?? undefined,
      fail: reject,
      end: (client) => {
        if (client !== undefined) this.#remember(digest, client);
        if (this.#pending.get(digest) === promise) this.#pending.delete(digest);
        resolve();
      },
    };
  }

  #remember(digest: string, client: string | null): void {
    const before = this.#clients.get(digest);
    // Moves it to the end: a Map iterates in insertion order.
    this.#clients.delete(digest);
    if (client === null) return;
    this.#clients.set(digest, before === undefined || before === client ? client : SHARED);
    if (this.#clients.size > MAX_KNOWN) this.#clients.delete(this.#clients.keys().next().value as string);
  }
}

function digestOf({ headers }: Request): string | undefined {
  const sent = HEADERS.map((name) => headers.get(name));
  if (sent.every((value) => value === null)) return undefined;
  return createHash("sha256").update(JSON.stringify(sent)).digest("base64");
}
