import { checkOptions, wholeNumber } from "../background/core/options.ts";

/** A range of a text, from `start` (inclusive) to `end` (exclusive), in UTF-16 code units as for `slice`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Options of {@link split}. */
export interface SplitOptions {
  /** Maximum size of a chunk, in UTF-16 code units; at least 32. */
  readonly size: number;
  /** How much of the previous chunk a chunk may repeat, in code units; at most a quarter of `size`. */
  readonly overlap: number;
  /** Where sections start, in order. Chunks end before a heading rather than include it. */
  readonly headings?: readonly { readonly offset: number }[] | undefined;
}

/** Smaller chunks say nothing, and one must have room for a character. */
export const MIN_SIZE = 32;

/**
 * Splits a text into chunks, each as long as `size` allows. A chunk ends before a heading, else after a paragraph, a
 * sentence, a line or a word, and only if there is none of these anywhere, but never within a surrogate pair.
 *
 * Every character that is not white space is in a chunk; no chunk begins or ends with white space. A chunk repeats the
 * end of the previous one from the start of a sentence or a word, unless it starts a section. Each starts at least a
 * quarter of `size` after the previous one, so that there are at most four times as many chunks as without overlap.
 *
 * It is lazy, so that splitting a long text can be interleaved with other work.
 *
 * @throws JobError `invalid_option`
 */
export function split(text: string, options: SplitOptions): Generator<Span> {
  checkOptions(options, ["size", "overlap", "headings"], "options of split()");
  const size = wholeNumber(options.size, MIN_SIZE, "size of split()");
  const overlap = wholeNumber(options.overlap, 0, "overlap of split()", Math.floor(size / 4));
  return spansOf(text, size, overlap, options.headings ?? []);
}

function* spansOf(
  text: string,
  size: number,
  overlap: number,
  headings: NonNullable<SplitOptions["headings"]>,
): Generator<Span> {
  let heading = 0;
  let covered = 0;
  let start = pastSpace(text, 0);
  while (start < text.length) {
    const earliest = start + Math.ceil(size / 4);
    while (heading < headings.length && (headings[heading]?.offset ?? 0) < earliest) heading++;
    const sectionAt = headings[heading]?.offset ?? Number.POSITIVE_INFINITY;
    const limit = Math.min(start + size, text.length);
    const isSection = sectionAt <= limit;
    const cut = isSection ? sectionAt : limit === text.length ? limit : breakBefore(text, start + size / 2, limit);
    const end = beforeSpace(text, cut, start);
    const rest = pastSpace(text, cut);
    // After the repeated text there may be so much white space that nothing new fits in.
    const isNew = end > covered;
    if (isNew) yield { start, end };
    if (rest === text.length) return;
    covered = Math.max(covered, end);
    start = isSection || overlap === 0 || !isNew ? rest : pastSpace(text, resumeIn(text, cut - overlap, cut));
  }
}

/** The best place to end a chunk, after `low` and up to `limit`. */
function breakBefore(text: string, low: number, limit: number): number {
  let sentence = 0;
  let line = 0;
  let word = 0;
  for (let cut = limit; cut > low; cut--) {
    const last = text.charCodeAt(cut - 1);
    if (last === NEWLINE && isBlankLineBefore(text, cut - 1)) return cut;
    if (sentence === 0 && endsSentence(text, cut)) sentence = cut;
    if (line === 0 && last === NEWLINE) line = cut;
    if (word === 0 && isSpace(last)) word = cut;
  }
  return sentence || line || word || wholeAt(text, limit);
}

/** Where the next chunk starts so that it repeats some of the text before `cut`: at the start of a sentence or a word. */
function resumeIn(text: string, from: number, cut: number): number {
  const middle = from + (cut - from) / 2;
  let word = 0;
  for (let start = from; start < cut && (start <= middle || word === 0); start++) {
    if (start <= middle && endsSentence(text, start)) return start;
    if (word === 0 && isSpace(text.charCodeAt(start - 1))) word = start;
  }
  // One unit forward rather than back, so as not to exceed the overlap.
  return word || (isInPair(text, from) ? from + 1 : from);
}

const NEWLINE = 0x0a;

/** White space as defined by `trim`, the most frequent first. */
function isSpace(unit: number): boolean {
  if (unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)) return true;
  if (unit < 0xa0) return false;
  return (
    unit === 0xa0 ||
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000 ||
    unit === 0xfeff
  );
}

function pastSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

function beforeSpace(text: string, end: number, start: number): number {
  let at = end;
  while (at > start && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

/** Whether there are only blanks between this line break and the previous one. */
function isBlankLineBefore(text: string, newline: number): boolean {
  let at = newline - 1;
  while (at >= 0 && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09 || text.charCodeAt(at) === 0x0d))
    at--;
  return at >= 0 && text.charCodeAt(at) === NEWLINE;
}

/** Marks that end a sentence, and the quotation marks and brackets that may follow them. */
const TERMINATORS: ReadonlySet<number> = new Set([...".!?…"].map((mark) => mark.charCodeAt(0)));
const CLOSERS: ReadonlySet<number> = new Set([...`"')]»”’`].map((mark) => mark.charCodeAt(0)));
/** Marks that end a sentence in scripts without a space after them. */
const WIDE_TERMINATORS: ReadonlySet<number> = new Set([..."。！？"].map((mark) => mark.charCodeAt(0)));

/** Whether a sentence, with the white space after it, ends at `at`. */
function endsSentence(text: string, at: number): boolean {
  const last = text.charCodeAt(at - 1);
  if (WIDE_TERMINATORS.has(last)) return true;
  if (!isSpace(last)) return false;
  let mark = at - 2;
  if (CLOSERS.has(text.charCodeAt(mark))) mark--;
  return TERMINATORS.has(text.charCodeAt(mark));
}

/** Whether `at` is between the two halves of a surrogate pair. */
function isInPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

function wholeAt(text: string, at: number): number {
  return isInPair(text, at) ? at - 1 : at;
}
