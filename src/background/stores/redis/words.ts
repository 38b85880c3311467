/** Escapes a text to one word of a record's line, without characters that separate words or lines. */
export function wordOf(text: string): string {
  return /[\s%]/.test(text) ? text.replace(/[\s%]/g, (character) => `%${character.charCodeAt(0).toString(16)};`) : text;
}

/** The inverse of `wordOf`. */
export function textOf(word: string): string {
  return word.includes("%")
    ? word.replace(/%([0-9a-f]{1,4});/g, (_, code) => String.fromCharCode(parseInt(code, 16)))
    : word;
}
