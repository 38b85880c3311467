/**
 * What a text of JSON says that a store keeps; `null` for none. So it is for one that says nothing, as somebody else may have
 * written there: a part of one record that cannot be read must not be in the way of all others.
 */
export function parsed(text: string | null | undefined): unknown {
  if (text === undefined || text === null || text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
