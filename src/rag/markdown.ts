import type { Heading } from "./document-text.ts";
import type { Pace } from "./pace.ts";

/** Headings are truncated to this many characters: some files have no line breaks. */
export const MAX_HEADING = 200;

const CARRIAGE_RETURN = 0x0d;
/**
 * Finds the headings of a Markdown text, both `# like this` and underlined ones, but not in fenced code blocks.
 */
export async function headingsOf(text: string, pace: Pace): Promise<Heading[]> {
  const headings: Heading[] = [];
  let fence = "";
  // Where a paragraph of a single line starts, which the next line may underline; -1 if there is none.
  let plainAt = -1;
  let isAfterBlank = true;
  for (let offset = 0; offset < text.length; ) {
    const newline = text.indexOf("\n", offset);
    const end = newline === -1 ? text.length : newline;
    const indent = indentAt(text, offset);
    const first = text.charCodeAt(offset + indent);
    // For most lines, looking at the first character is enough.
    const line =
      MARKS.has(first) && indent < 4 ? text.slice(offset + indent, Math.min(end, offset + 1_000)).trimEnd() : "";
    const opening = /^(?:`{3,}|~{3,})/.exec(line)?.[0];
    if (fence !== "") {
      if (opening?.startsWith(fence) && line === opening) fence = "";
    } else if (opening !== undefined) fence = opening;
    else if (first === HASH) {
      const words = withoutClosing(/^#{1,6}[ \t](.*)$/.exec(line)?.[1]?.trim() ?? "");
      if (words !== "") headings.push({ offset, text: words.slice(0, MAX_HEADING) });
    } else if (plainAt !== -1 && /^(?:=+|-{2,})$/.test(line)) {
      headings.push({ offset: plainAt, text: text.slice(plainAt, Math.min(offset, plainAt + MAX_HEADING)).trim() });
    }
    const isBlank = end === offset + indent || first === CARRIAGE_RETURN;
    plainAt = isAfterBlank && !isBlank && fence === "" && indent < 4 && !NOT_PLAIN.has(first) ? offset : -1;
    isAfterBlank = isBlank;
    offset = end + 1;
    if (pace.isDue) await pace.rest();
  }
  return headings;
}

/** Removes closing marks, as in `words ##`. Scans from the end: a pattern would take quadratic time on many blanks. */
function withoutClosing(words: string): string {
  let end = words.length;
  while (words.charCodeAt(end - 1) === HASH) end--;
  const before = words.slice(0, end).trimEnd();
  return before.length < end || end === 0 ? before : words;
}

const HASH = 0x23;
const unitsOf = (marks: string): ReadonlySet<number> => new Set([...marks].map((mark) => mark.charCodeAt(0)));
const MARKS = unitsOf("#`~=-");
const NOT_PLAIN = unitsOf("#`~=-*+>|");

function indentAt(text: string, offset: number): number {
  let indent = 0;
  while (indent < 4 && text.charCodeAt(offset + indent) === 0x20) indent++;
  return indent;
}
