/** What a job finds out about a document. */
export interface Statistics {
  readonly characters: number;
  readonly words: number;
  readonly sections: number;
  readonly links: number;
  readonly readingMinutes: number;
  /** The most frequent words that say something, most frequent first. */
  readonly terms: readonly string[];
}

const WORDS_PER_MINUTE = 230;
const MIN_TERM_LETTERS = 4;
const HEADING = /^#{1,6} /;
const FENCE = /^\s*(?:```|~~~)/;
const LINK = /\]\([^)\s]+\)|https?:\/\/[^\s)]+/g;
const COMMON_WORDS: ReadonlySet<string> = new Set(
  "that with this from have what which when where whether will would should could them they their there then than your been were also into only other after before each more most some such because does done same itself himself readonly const return undefined null number string true false import export function async await promise expect".split(
    " ",
  ),
);

/** Reads a text line by line, so that whoever calls it can pause wherever they like. */
export class TextCounter {
  readonly #segmenter: Intl.Segmenter = new Intl.Segmenter("en", { granularity: "word" });
  readonly #terms: Map<string, number> = new Map();
  #isInCode = false;
  #characters = 0;
  #sections = 0;
  #links = 0;
  #words = 0;

  get characters(): number {
    return this.#characters;
  }

  get words(): number {
    return this.#words;
  }

  addLine(line: string): void {
    // With the line break.
    this.#characters += line.length + 1;
    if (FENCE.test(line)) this.#isInCode = !this.#isInCode;
    // In code, a line that begins with # is a comment.
    else if (!this.#isInCode && HEADING.test(line)) this.#sections++;
    this.#links += line.match(LINK)?.length ?? 0;
    for (const { segment, isWordLike } of this.#segmenter.segment(line)) if (isWordLike) this.#addWord(segment);
  }

  statistics(): Statistics {
    const byFrequency = [...this.#terms].sort(([, a], [, b]) => b - a);
    return {
      characters: this.#characters,
      words: this.#words,
      sections: this.#sections,
      links: this.#links,
      readingMinutes: Math.ceil(this.#words / WORDS_PER_MINUTE),
      terms: byFrequency.slice(0, 5).map(([term]) => term),
    };
  }

  #addWord(word: string): void {
    this.#words++;
    const term = word.toLowerCase();
    if (term.length < MIN_TERM_LETTERS || COMMON_WORDS.has(term)) return;
    this.#terms.set(term, (this.#terms.get(term) ?? 0) + 1);
  }
}
