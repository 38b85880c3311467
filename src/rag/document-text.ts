/** The heading of a section. */
export interface Heading {
  /** Where it stands in the text. */
  readonly offset: number;
  readonly text: string;
}

/** What a reader makes of a document. */
export interface DocumentText {
  readonly text: string;
  /** What the document calls itself. */
  readonly title: string | null;
  readonly headings: readonly Heading[];
  /** Where each page begins, the first at 0; `null` where there are none. */
  readonly pages: readonly number[] | null;
}

/** The index of the last of sorted offsets that is not after `offset`; -1 if all are. */
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

/** The page of an offset, counted from 1. */
export function pageAt({ pages }: DocumentText, offset: number): number | undefined {
  if (pages === null) return undefined;
  return lastUpTo(pages.length, (index) => pages[index] ?? 0, offset) + 1;
}

/** The heading of the section that an offset is in. */
export function headingAt({ headings }: DocumentText, offset: number): string | undefined {
  return headings[lastUpTo(headings.length, (index) => headings[index]?.offset ?? 0, offset)]?.text;
}
