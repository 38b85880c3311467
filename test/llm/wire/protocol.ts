/** A part of a stream, as it goes over the wire. */
export interface Frame {
  readonly text: string;
  /** Whether it carries words of the answer. */
  readonly isWords: boolean;
}

/** What two providers say differently. */
export interface Protocol {
  /** What the last user said. */
  promptOf(body: Body): string;
  whole(body: Body, answer: Answer): unknown;
  frames(body: Body, answer: Answer): readonly Frame[];
  /** A frame that says that the provider failed in the midst of its answer. */
  failure(message: string): Frame;
  refusal(status: number, message: string): unknown;
}

export type Body = Readonly<Record<string, never>>;

export interface Answer {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A server-sent event. */
export function event(name: string | null, data: unknown, isWords = false): Frame {
  const text = `${name === null ? "" : `event: ${name}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
  return { text, isWords };
}

/** The words of a text, each with what follows it. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/\s*\S+\s*/g) ?? [];
}
