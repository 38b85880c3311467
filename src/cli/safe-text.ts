import { wellFormedJson } from "../http/well-formed-json.ts";

/**
 * What a terminal may take for a command, or show in another place or order than it stands, or not at all: control characters, those
 * that turn the direction of writing or are not seen, breaks of lines, halves of surrogate pairs; but for what joins emoji.
 */
const UNSAFE = /(?!\u200d)[\p{Cc}\p{Cf}\p{Surrogate}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text from a store or a file as one line that a terminal shows as it is. */
export function safeLine(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character));
}

/** The lines of a text, each made safe. */
export function safeLines(text: string): string[] {
  return text.split(/\r\n|\n/).map(safeLine);
}

/** JSON on one line, or on several; safe on a terminal, and the same value to whoever parses it, texts made well-formed. */
export function safeJson(value: unknown, indent?: number): string {
  const json = wellFormedJson(value, indent) ?? "null";
  return json.replace(UNSAFE, (character) => (character === "\n" ? character : escaped(character)));
}

/** As JSON escapes it: beyond four digits, by the two halves of its pair. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("");
}
