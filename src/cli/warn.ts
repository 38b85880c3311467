import { safeJson, safeLine } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Prints a warning to stderr. */
export function warn(
  terminal: Terminal,
  { code, message }: { readonly code: string; readonly message: string },
  { json = false }: { readonly json?: boolean | undefined },
): void {
  terminal.note(json ? safeJson({ warning: { code, message } }) : `rapidai: ${safeLine(message)}`);
}
