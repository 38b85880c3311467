import { JobError } from "../../background/core/errors.ts";
import { documentError, missingPackage } from "../document-error.ts";
import type { DocumentText } from "../document-text.ts";
import { readHtml } from "./html.ts";
import { repack, ZipError } from "./zip.ts";

/** Maximum size of a document's uncompressed XML, in bytes; a thousand pages take about 20 MB. */
const MAX_UNPACKED = 64 << 20;

/** Part of the XML namespaces of every Word document: unlike this, the name of the main part may be any. */
const WORD_XML = "/wordprocessingml/";

/** Reads a Word document. */
export async function readDocx(bytes: Uint8Array, what: string): Promise<DocumentText> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mammoth = await loadMammoth();
  try {
    // Only the XML: images and other parts have no text.
    const buffer = repack(archive, (name) => /\.(?:xml|rels)$/i.test(name), MAX_UNPACKED);
    if (!buffer.includes(WORD_XML)) {
      throw documentError("document_mislabelled", `${what} is a zip archive, but not a Word document.`);
    }
    const { value } = await mammoth.convertToHtml(
      { buffer },
      {
        styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh"],
        includeEmbeddedStyleMap: false,
        externalFileAccess: false,
        convertImage: mammoth.images.imgElement(async () => ({ src: "" })),
      },
    );
    return await readHtml(value);
  } catch (error) {
    throw faultOf(error, what);
  }
}

function faultOf(error: unknown, what: string): JobError {
  if (error instanceof JobError) return error;
  const { message } = error as Error;
  if (!(error instanceof ZipError)) {
    return documentError("document_unreadable", `${what} is a damaged Word document: ${message}`, error);
  }
  switch (error.reason) {
    case "damaged":
      return documentError("document_unreadable", `${what} is a damaged Word document: ${message}.`, error);
    case "encrypted":
      return documentError("document_encrypted", `${what} is password-protected: save it without a password.`, error);
    case "too large":
      return documentError("document_too_large", `${what} is too large to be read: ${message}.`, error);
  }
}

async function loadMammoth(): Promise<typeof import("mammoth")> {
  try {
    return (await import("mammoth")).default;
  } catch (error) {
    throw missingPackage("Word documents", ["mammoth", "parse5"], error);
  }
}
