import { JobError } from "../../core/errors.ts";

/**
 * Parses a reply with one letter for each of `count` items. Any other reply acknowledges nothing.
 *
 * @throws JobError `queue_unavailable`
 */
export function answersIn<A>(letters: string, count: number, meaning: Readonly<Record<string, A>>): A[] {
  const answers = new Array<A>(count);
  let isAnswer = typeof letters === "string" && letters.length === count;
  for (let at = 0; isAnswer && at < count; at++) {
    const answer = meaning[letters[at] as string];
    if (answer === undefined) isAnswer = false;
    else answers[at] = answer;
  }
  if (isAnswer) return answers;
  throw new JobError(
    "queue_unavailable",
    `Redis answered ${JSON.stringify(letters)?.slice(0, 60)} where ${count} letters were expected, so nothing counts as done: is the server really Redis, with nothing in between?`,
  );
}
