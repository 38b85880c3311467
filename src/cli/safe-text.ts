import { wellFormedJson } from "../http/well-formed-json.ts";

/**
 * What a terminal may take for a command, or show in another place or order than it stands: control characters, those
 * that turn the direction of writing, breaks of lines, halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Surrogate}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
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

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, "0")}`;
}
