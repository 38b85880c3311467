import { unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stores uploaded documents for all processes, so that a job carries a name rather than megabytes. */
export class Storage {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** `failures`: how many reads fail before one succeeds, as happens with real storage. */
  async store(name: string, content: Uint8Array, failures: number): Promise<void> {
    await writeFile(join(this.folder, name), content);
    for (let failure = 1; failure <= failures; failure++) await writeFile(this.#failure(name, failure), "");
  }

  /** @throws Error when the storage does not answer */
  async ask(name: string): Promise<void> {
    for (let failure = 1; failure <= 2; failure++) {
      const isFailing = await unlink(this.#failure(name, failure)).then(
        () => true,
        () => false,
      );
      if (isFailing) throw new Error("storage is busy");
    }
  }

  #failure(name: string, failure: number): string {
    return join(this.folder, `${name}.failure-${failure}`);
  }
}
