import { readFile } from "node:fs/promises";
import { JobError } from "../../background/core/errors.ts";
import { documentError, missingPackage } from "../document-error.ts";
import type { DocumentText } from "../document-text.ts";
import { MAX_HEADING } from "../markdown.ts";

/** How far from the end `%%EOF` is searched for: the standard says 1,024 bytes, but printers append some more. */
const END_WITHIN = 4_096;

/** Reads a PDF, page by page. */
export async function readPdf(bytes: Uint8Array, what: string): Promise<DocumentText> {
  // The library would repair a truncated file, and silently leave out what is missing.
  if (!Buffer.from(bytes.subarray(-END_WITHIN)).includes("%%EOF")) {
    throw documentError("document_unreadable", `${what} has no end marker: it was cut off. Obtain it again.`);
  }
  const { getDocumentProxy } = await loadUnpdf();
  let fault: JobError | undefined;
  const BinaryDataFactory = characterMaps((error) => {
    fault = missingPackage("PDF documents in Chinese, Japanese or Korean", ["pdfjs-dist"], error);
  });
  try {
    const pdf = await getDocumentProxy(bytes, { verbosity: 0, useSystemFonts: false, BinaryDataFactory });
    const pages: number[] = [];
    let text = "";
    for (let number = 1; number <= pdf.numPages; number++) {
      if (text !== "") text += "\n\n";
      pages.push(text.length);
      const page = await pdf.getPage(number);
      text += textOf((await page.getTextContent()).items as Item[]);
      page.cleanup();
      // The library silently leaves out text for which it has no character map.
      if (fault !== undefined) throw fault;
    }
    const title = await titleOf(pdf);
    await pdf.loadingTask.destroy();
    return { text, title, headings: [], pages };
  } catch (error) {
    if (error instanceof JobError) throw error;
    if ((error as Error).name === "PasswordException") {
      throw documentError("document_encrypted", `${what} is password-protected: save it without a password.`, error);
    }
    throw documentError("document_unreadable", `${what} is a damaged PDF: ${(error as Error).message}`, error);
  }
}

/** The only files that are opened, whatever a document asks for. */
const MAP_FILE = /^[\w-]+\.bcmap$/;

/**
 * Makes the class that loads additional files for the library. Text only needs the character maps that some documents
 * in Chinese, Japanese or Korean refer to without embedding them.
 */
function characterMaps(onMissing: (error: unknown) => void) {
  return class {
    async fetch({ kind, filename }: { readonly kind: string; readonly filename: string }): Promise<Uint8Array> {
      if (kind !== "cMapUrl" || !MAP_FILE.test(filename)) throw new Error("Text is read without it.");
      try {
        const maps = new URL("cmaps/", import.meta.resolve("pdfjs-dist/package.json"));
        return new Uint8Array(await readFile(new URL(filename, maps)));
      } catch (error) {
        onMissing(error);
        throw error;
      }
    }
  };
}

/** A run of text on a page, or a marked-content item, which has no text. */
interface Item {
  readonly str?: string;
  readonly hasEOL?: boolean;
  readonly height?: number;
  /** A transformation matrix whose last two numbers are the position. */
  readonly transform?: readonly number[];
}

/** The distance between two lines, in font heights, above which a new paragraph is assumed. */
const PARAGRAPH_GAP = 1.7;

function textOf(items: readonly Item[]): string {
  const parts: string[] = [];
  let line = { y: Number.NaN, height: 0 };
  let isAtLineEnd = false;
  for (const { str, hasEOL, height = 0, transform } of items) {
    if (str === undefined) continue;
    const y = transform?.[5] ?? Number.NaN;
    if (str.trim() !== "") {
      if (isAtLineEnd && Math.abs(line.y - y) > PARAGRAPH_GAP * Math.max(height, line.height)) parts.push("\n");
      line = { y, height };
      isAtLineEnd = false;
    }
    parts.push(str);
    if (hasEOL) {
      parts.push("\n");
      isAtLineEnd = true;
    }
  }
  return parts.join("").trimEnd();
}

async function titleOf(pdf: { getMetadata(): Promise<{ info: object }> }): Promise<string | null> {
  try {
    const { Title } = (await pdf.getMetadata()).info as { Title?: unknown };
    return typeof Title === "string" && Title.trim() !== "" ? Title.trim().slice(0, MAX_HEADING) : null;
  } catch {
    // Broken metadata is no reason to fail.
    return null;
  }
}

async function loadUnpdf(): Promise<typeof import("unpdf")> {
  try {
    return await import("unpdf");
  } catch (error) {
    throw missingPackage("PDF documents", ["unpdf"], error);
  }
}
