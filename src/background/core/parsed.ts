/**
 * The value of a store's text of JSON; `null` where there is none, and for a text that is no JSON: somebody else may have
 * written it, and a part of one record that cannot be read must not be in the way of all others.
 */
export function parsed(text: string | null | undefined): unknown {
  if (text === undefined || text === null || text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
