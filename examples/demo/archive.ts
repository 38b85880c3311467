import { randomUUID } from "node:crypto";
import { readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError } from "rapidai/background";

/** Where uploaded documents are kept, for all processes: a job carries an id, not megabytes. */
export class Archive {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the document's id. `failures`: how many times reading it fails first, as storage does now and then. */
  async store(text: string, failures: number): Promise<string> {
    const documentId = randomUUID();
    await writeFile(this.#pathOf(documentId), text);
    for (let failure = 1; failure <= failures; failure++) await writeFile(this.#pathOf(documentId, failure), "");
    return documentId;
  }

  /** @throws PermanentError for an unknown id; Error when the archive does not answer */
  async read(documentId: string): Promise<string> {
    for (let failure = 1; failure <= 2; failure++) {
      const isFailing = await unlink(this.#pathOf(documentId, failure)).then(
        () => true,
        () => false,
      );
      if (isFailing) throw new Error("archive is busy");
    }
    try {
      return await readFile(this.#pathOf(documentId), "utf8");
    } catch (cause) {
      throw new PermanentError(`There is no document ${documentId}.`, { cause });
    }
  }

  #pathOf(documentId: string, failure?: number): string {
    return join(this.#folder, failure === undefined ? `${documentId}.txt` : `${documentId}.failure-${failure}`);
  }
}
