/** A document to be read on the reader's thread. */
export type ReadRequest =
  | { readonly kind: "html"; readonly content: string; readonly what: string }
  | { readonly kind: "pdf" | "docx"; readonly content: Uint8Array; readonly what: string };
