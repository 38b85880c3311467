/**
 * Parses JSON text of a store; `null` if there is none or it is invalid: another program may have written it, and one
 * unreadable field must not keep all other records from being read.
 */
export function parsed(text: string | null | undefined): unknown {
  if (text === undefined || text === null || text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
