/** A text as one word of a record's line: without what separates words and lines. */
export function wordOf(text: string): string {
  return /[\s%]/.test(text) ? text.replace(/[\s%]/g, (character) => `%${character.charCodeAt(0).toString(16)};`) : text;
}

/** The text of a word. */
export function textOf(word: string): string {
  return word.includes("%")
    ? word.replace(/%([0-9a-f]{1,4});/g, (_, code) => String.fromCharCode(parseInt(code, 16)))
    : word;
}
