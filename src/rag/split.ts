/** A stretch of a text: from `start` up to, but not including, `end`, in UTF-16 units as `slice` counts. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** How a text is split. */
export interface SplitOptions {
  /** Most UTF-16 units of a chunk. */
  readonly size: number;
  /** Most units that a chunk repeats of the one before; at most a quarter of `size`. */
  readonly overlap: number;
  /** Where sections begin, in order: a chunk ends before one rather than run on into it. */
  readonly headings?: readonly { readonly offset: number }[] | undefined;
}

/**
 * Splits a text into chunks, each as long as `size` allows, ending where it hurts least: before a heading, else after a
 * paragraph, a sentence, a line, a word, and only then anywhere, though never inside of a surrogate pair.
 *
 * Every character other than white space is in a chunk. A chunk neither begins nor ends with white space. The next one
 * repeats the end of the one before, from the beginning of a sentence or a word on, unless a section begins. Each
 * begins at least a quarter of `size` after the one before, so that there are at most four times as many as without
 * overlap.
 *
 * Pure, and lazy, so that a long text can be split in between other things.
 */
export function* split(text: string, { size, overlap, headings = [] }: SplitOptions): Generator<Span> {
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
    // What is repeated may be followed by a gap so wide that nothing new fits in.
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

/** Where to go on so that some of what is before `cut` is said again: a sentence's or a word's beginning. */
function resumeIn(text: string, from: number, cut: number): number {
  const middle = from + (cut - from) / 2;
  let word = 0;
  for (let start = from; start < cut && (start <= middle || word === 0); start++) {
    if (start <= middle && endsSentence(text, start)) return start;
    if (word === 0 && isSpace(text.charCodeAt(start - 1))) word = start;
  }
  // One unit on rather than back: no more is to be repeated than was asked for.
  return word || (isInPair(text, from) ? from + 1 : from);
}

const NEWLINE = 0x0a;

/** White space as `trim` has it, in the order of how often it comes. */
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

/** Whether nothing but blanks stands between this line break and the one before. */
function isBlankLineBefore(text: string, newline: number): boolean {
  let at = newline - 1;
  while (at >= 0 && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09 || text.charCodeAt(at) === 0x0d))
    at--;
  return at >= 0 && text.charCodeAt(at) === NEWLINE;
}

/** `.`, `!`, `?`, `…` and what may close after them: quotation marks and brackets. */
const TERMINATORS: ReadonlySet<number> = new Set([...".!?…"].map((mark) => mark.charCodeAt(0)));
const CLOSERS: ReadonlySet<number> = new Set([...`"')]»”’`].map((mark) => mark.charCodeAt(0)));
/** Full stops of scripts that put no space behind them. */
const WIDE_TERMINATORS: ReadonlySet<number> = new Set([..."。！？"].map((mark) => mark.charCodeAt(0)));

/** Whether a sentence ends just before `at`, white space behind it included. */
function endsSentence(text: string, at: number): boolean {
  const last = text.charCodeAt(at - 1);
  if (WIDE_TERMINATORS.has(last)) return true;
  if (!isSpace(last)) return false;
  let mark = at - 2;
  if (CLOSERS.has(text.charCodeAt(mark))) mark--;
  return TERMINATORS.has(text.charCodeAt(mark));
}

function isInPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

function wholeAt(text: string, at: number): number {
  return isInPair(text, at) ? at - 1 : at;
}
