/** The heading of a section. */
export interface Heading {
  /** Where it starts in the text, in UTF-16 code units. */
  readonly offset: number;
  readonly text: string;
}

/** The text that a reader extracts from a document. */
export interface DocumentText {
  readonly text: string;
  /** The document's own title. */
  readonly title: string | null;
  /** In the order of their offsets. */
  readonly headings: readonly Heading[];
  /** The offset at which each page starts, the first at 0; `null` for a document without pages. */
  readonly pages: readonly number[] | null;
}

/** Binary search: the index of the last of the sorted offsets that is at most `offset`; -1 if there is none. */
function lastUpTo(length: number, offsetOf: (index: number) => number, offset: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsetOf(middle) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The page that contains an offset, from 1. */
export function pageAt({ pages }: DocumentText, offset: number): number | undefined {
  if (pages === null) return undefined;
  return lastUpTo(pages.length, (index) => pages[index] ?? 0, offset) + 1;
}

/** The heading of the section that contains an offset. */
export function headingAt({ headings }: DocumentText, offset: number): string | undefined {
  return headings[lastUpTo(headings.length, (index) => headings[index]?.offset ?? 0, offset)]?.text;
}
