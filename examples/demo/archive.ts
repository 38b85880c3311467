// Where uploaded documents are kept: a job carries an id, not megabytes.

import { randomUUID } from "node:crypto";
import { PermanentError } from "rapidai/background";

interface Stored {
  readonly text: string;
  /** How many times reading it fails first, as storage does now and then. */
  failures: number;
}

const documents = new Map<string, Stored>();

/** Returns the document's id. */
export function storeDocument(text: string, failures: number): string {
  const documentId = randomUUID();
  documents.set(documentId, { text, failures });
  return documentId;
}

/** @throws PermanentError for an unknown id; Error when the archive does not answer */
export async function readDocument(documentId: string): Promise<string> {
  const stored = documents.get(documentId);
  if (stored === undefined) throw new PermanentError(`There is no document ${documentId}.`);
  if (stored.failures > 0) {
    stored.failures--;
    throw new Error("archive is busy");
  }
  return stored.text;
}
