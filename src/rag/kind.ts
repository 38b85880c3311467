import { extname } from "node:path";
import { JobError } from "../background/core/errors.ts";
import { shown } from "../background/core/text.ts";
import { documentError } from "./document-error.ts";

/** The kinds of documents that can be read. */
export type DocumentKind = "text" | "markdown" | "html" | "pdf" | "docx";

/** Other names of each kind: file extensions and media types. */
const NAMES: Readonly<Record<DocumentKind, readonly string[]>> = {
  text: ["txt", "text/plain"],
  markdown: ["md", "mdx", "text/markdown", "text/x-markdown"],
  html: ["htm", "xhtml", "text/html", "application/xhtml+xml"],
  pdf: ["application/pdf"],
  docx: ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
};

const KINDS: ReadonlyMap<string, DocumentKind> = new Map(
  Object.entries(NAMES).flatMap(([kind, names]) => [kind, ...names].map((name) => [name, kind as DocumentKind])),
);

/**
 * The kind that a caller states, by its name, a file extension or a media type.
 *
 * @throws JobError `invalid_option`
 */
export function statedKind(type: unknown): DocumentKind | null {
  if (type === undefined) return null;
  const kind = typeof type === "string" ? KINDS.get(type.toLowerCase().split(";")[0]?.trim() ?? "") : undefined;
  if (kind !== undefined) return kind;
  const known = Object.keys(NAMES).join(", ");
  throw new JobError(
    "invalid_option",
    `The type of a document must be one of ${known}, or a media type, not ${shown(type)}.`,
  );
}

/** The kind that a file name's extension suggests; `null` if it is unknown. */
export function namedKind(name: string): DocumentKind | null {
  return KINDS.get(extname(name).slice(1).toLowerCase()) ?? null;
}

/** Signatures of files that are not text, https://www.garykessler.net/library/file_sigs.html */
const SIGNATURES: readonly (readonly [what: string, signature: string])[] = [
  ["a zip archive", "PK\x03\x04"],
  ["an empty zip archive", "PK\x05\x06"],
  ["an older Office file", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
  ["an RTF file", "{\\rtf"],
  ["a PNG image", "\x89PNG"],
  ["a JPEG image", "\xff\xd8\xff"],
  ["a GIF image", "GIF8"],
  ["a gzip archive", "\x1f\x8b"],
  ["a 7z archive", "7z\xbc\xaf\x27\x1c"],
  ["a RAR archive", "Rar!\x1a"],
  ["an SQLite database", "SQLite format 3\0"],
  ["a program", "\x7fELF"],
  ["a PostScript file", "%!PS"],
];
/** A PDF's header may be anywhere in the first kilobyte (PDF Reference 1.7, implementation note 13). */
const PDF_HEADER_WITHIN = 1_024;
/** Its end marker may be anywhere in the last kilobyte (implementation note 18). */
const PDF_END_WITHIN = 1_024;
/** How much of a text's beginning is examined, in characters. */
export const BEGINNING = 1_024;
/**
 * An HTML page may begin with comments and an XML declaration. Each is matched only up to its first `-->` or `?>`: if
 * it could also match up to a later one, backtracking would take time exponential in their number.
 */
const HTML =
  /^(?:\xef\xbb\xbf|\ufeff)?\s*(?:(?:<!--(?:(?!-->).)*-->|<\?xml(?:(?!\?>).)*\?>)\s*)*<(?:!doctype\s+html|html)\b/is;

/**
 * Determines the kind of a document, from its content if that is conclusive, else from `claimed`.
 *
 * @param claimed the kind that is stated, or that the name suggests
 * @param what how error messages refer to the document
 * @throws JobError `document_empty`, `document_encrypted`, `document_mislabelled`, `document_unsupported`
 */
export function kindOf(bytes: Uint8Array, claimed: DocumentKind | null, what: string): DocumentKind {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (content.length === 0) throw documentError("document_empty", `${what} is empty.`);
  if (isPdf(content, claimed)) return "pdf";
  const beginning = content.toString("latin1", 0, 16);
  const found = SIGNATURES.find(([, signature]) => beginning.startsWith(signature))?.[0];
  // The main part, a prefix because Word for the web numbers it: word/document2.xml.
  if (found === "a zip archive" && content.includes("word/document")) return "docx";
  if (found === "an older Office file" && content.includes(Buffer.from("EncryptedPackage", "utf16le"))) {
    throw documentError("document_encrypted", `${what} is password-protected: save it without a password.`);
  }
  // Zero bytes mean binary data, except in UTF-16, which begins with a byte order mark.
  const isUtf16 = beginning.startsWith("\xff\xfe") || beginning.startsWith("\xfe\xff");
  const binary = found ?? (!isUtf16 && content.includes(0) ? "binary data (it contains null bytes)" : undefined);
  if (binary === undefined) return kindOfText(content.toString("latin1", 0, BEGINNING), claimed, what);
  if (claimed === "docx" && found === "a zip archive") return "docx"; // The reader's error is more precise.
  const isMislabelled = claimed !== null;
  throw documentError(
    isMislabelled ? "document_mislabelled" : "document_unsupported",
    `${what} is ${isMislabelled ? `labelled as ${claimed}, but is ` : ""}${binary}: the types that can be read are ${Object.keys(NAMES).join(", ")}${isUtf16Like(content) ? "; UTF-16 needs a byte order mark" : ""}.`,
  );
}

/** Anything may precede a PDF's header; but a text may quote such a header, and then lacks the PDF's end marker. */
function isPdf(content: Buffer, claimed: DocumentKind | null): boolean {
  const at = content.subarray(0, PDF_HEADER_WITHIN).indexOf("%PDF-");
  if (at === -1) return false;
  const isFirst = /^(?:\xef\xbb\xbf)?\s*$/.test(content.toString("latin1", 0, at));
  return isFirst || claimed === "pdf" || content.subarray(-PDF_END_WITHIN).includes("%%EOF");
}

/** @param beginning about the first kilobyte; only its ASCII characters need to be decoded correctly */
export function kindOfText(beginning: string, claimed: DocumentKind | null, what: string): DocumentKind {
  const isHtml = HTML.test(beginning);
  if (claimed === "pdf" || claimed === "docx") {
    throw documentError(
      "document_mislabelled",
      `${what} is labelled as ${claimed}, but is ${isHtml ? "an HTML page" : "plain text"}: check whether an error page was stored in its place. If it should be read, state its type.`,
    );
  }
  if (isHtml && claimed !== "markdown") return "html";
  return claimed ?? "text";
}

function isUtf16Like(content: Buffer): boolean {
  const sample = content.subarray(0, 64);
  const zeros = sample.filter((byte) => byte === 0).length;
  return zeros > sample.length / 3;
}
