/** Where a queue keeps its jobs. */
export type Backend = "memory" | "sqlite" | "redis";

const SCHEMES: Readonly<Record<string, Backend>> = {
  "memory:": "memory",
  "sqlite:": "sqlite",
  "redis:": "redis",
  "rediss:": "redis",
  "redis+sentinel:": "redis",
  "rediss+sentinel:": "redis",
};

/** The backend of a url: `memory:`, `sqlite:PATH`, `redis://…`, `rediss://…`, both with `+sentinel`; else `undefined`. */
export function backendOf(url: string): Backend | undefined {
  const scheme = schemeOf(url).toLowerCase();
  return Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
}

/** A url's scheme, with its colon; without one, a beginning that cannot contain a password. */
export function schemeOf(url: string): string {
  return (/^[a-z+]+:/i.exec(url) ?? /^[^:@]{0,20}(?=:|$)/.exec(url))?.[0] ?? "";
}

/** A hint about a url of unknown scheme, if quotes or blanks were left around it, as some files of variables do. */
export function hintAbout(url: string): string {
  const inner = url.trim().replace(/^(["'])(.*)\1$/, "$2");
  return inner !== url && backendOf(inner) !== undefined ? " Remove the quotes or spaces around it." : "";
}

/** The path in `sqlite:jobs.db`, `sqlite:./jobs.db` or `sqlite:/var/jobs.db`, each also with `//` after `sqlite:`. */
export function sqlitePathOf(url: string): string {
  return url.slice("sqlite:".length).replace(/^\/\//, "");
}

/** A url without anything that may be a password. */
export function withoutPassword(url: string): string {
  // Up to the last @: a password may contain @, slashes, and the line break of the file that it was read from. A path may
  // contain a ?.
  return backendOf(url) === "sqlite" ? url : url.replace(/\/\/.*@/s, "//…@").replace(/[?#].*$/s, "");
}
