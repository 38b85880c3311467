import { safeJson, safeLine } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Says what is worth knowing beside the answer, and is no reason to end. */
export function warn(
  terminal: Terminal,
  { code, message }: { readonly code: string; readonly message: string },
  { json = false }: { readonly json?: boolean | undefined },
): void {
  terminal.note(json ? safeJson({ warning: { code, message } }) : `rapidai: ${safeLine(message)}`);
}
