import { wellFormedJson } from "../http/well-formed-json.ts";

/**
 * Characters that a terminal may interpret as commands, reorder or hide: control and format characters, which include
 * bidirectional controls, line separators and lone surrogates; except the zero-width joiner, which emoji need.
 */
const UNSAFE = /(?!\u200d)[\p{Cc}\p{Cf}\p{Surrogate}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes a text from an untrusted source so that a terminal shows it as one line. */
export function safeLine(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character));
}

/** The lines of a text, each escaped. */
export function safeLines(text: string): string[] {
  return text.split(/\r\n|\n/).map(safeLine);
}

/** JSON that is safe to show on a terminal and parses to the same value, apart from lone surrogates. */
export function safeJson(value: unknown, indent?: number): string {
  const json = wellFormedJson(value, indent) ?? "null";
  return json.replace(UNSAFE, (character) => (character === "\n" ? character : escaped(character)));
}

/** Escapes a character as in JSON, one beyond U+FFFF as a surrogate pair. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("");
}
