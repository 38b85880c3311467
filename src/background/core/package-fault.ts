import { messageOf } from "./failure.ts";

/**
 * The message about packages that only some users need and that could not be imported: what to do about it.
 *
 * @param install what to install, if not just `names`
 */
export function packageFault(
  what: string,
  names: readonly string[],
  error: unknown,
  install: readonly string[] = names,
): string {
  const needs = `${what} needs the package${names.length > 1 ? "s" : ""} ${names.join(" and ")}`;
  if (isMissing(error)) return `${needs}: npm install ${install.join(" ")}`;
  // Bundlers turn some packages into code that does not run.
  return `${needs}, which cannot be loaded (${messageOf(error)}): if this is a bundle, leave the package out of it (external).`;
}

/** Whether a file or a package was not found. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}
