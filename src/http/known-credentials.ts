import { createHash } from "node:crypto";

/** Where credentials are sent, as far as can be known here. */
const HEADERS = ["authorization", "cookie", "x-api-key"];
/** Beyond them the ones that were silent longest are forgotten. */
const MAX_KNOWN = 1_000;
/** What several clients send says of none which one it is. */
const OF_SEVERAL = null;

interface Looked {
  readonly known: string | undefined;
  /** It is known now whose they are: `null` for nobody's; nothing when it is as it was. */
  end(client?: string | null): void;
  /** It could not be found out, and who waits for it learns why. */
  fail(error: unknown): void;
}

/** Credentials that were let in, and as which client. Who sends them again is no stranger, wherever that is from. */
export class KnownCredentials {
  /** By their digest, so that none is kept. */
  readonly #clients = new Map<string, string | typeof OF_SEVERAL>();
  /** Those that are being asked about. */
  readonly #asked = new Map<string, Promise<void>>();

  /**
   * Whose they are, if that is known. Of several requests with the same new ones all but the first wait for what comes of
   * that: it is one guess.
   *
   * @throws what finding it out for another of them failed with
   */
  async look(request: Request): Promise<Looked> {
    const digest = digestOf(request);
    if (digest === undefined) return { known: undefined, end: () => {}, fail: () => {} };
    while (!this.#clients.has(digest) && this.#asked.has(digest)) await this.#asked.get(digest);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Maybe nobody waits for it.
    promise.catch(() => {});
    if (!this.#clients.has(digest)) this.#asked.set(digest, promise);
    return {
      known: this.#clients.get(digest) ?? undefined,
      fail: reject,
      end: (client) => {
        if (client !== undefined) this.#note(digest, client);
        if (this.#asked.get(digest) === promise) this.#asked.delete(digest);
        resolve();
      },
    };
  }

  #note(digest: string, client: string | null): void {
    const before = this.#clients.get(digest);
    // Behind all others again: a Map keeps the order in which its keys came.
    this.#clients.delete(digest);
    if (client === null) return;
    this.#clients.set(digest, before === undefined || before === client ? client : OF_SEVERAL);
    if (this.#clients.size > MAX_KNOWN) this.#clients.delete(this.#clients.keys().next().value as string);
  }
}

function digestOf({ headers }: Request): string | undefined {
  const sent = HEADERS.map((name) => headers.get(name));
  if (sent.every((value) => value === null)) return undefined;
  return createHash("sha256").update(JSON.stringify(sent)).digest("base64");
}
