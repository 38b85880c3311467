/** What can keep jobs. */
export type Backend = "memory" | "sqlite" | "redis";

const SCHEMES: Readonly<Record<string, Backend>> = {
  "memory:": "memory",
  "sqlite:": "sqlite",
  "redis:": "redis",
  "rediss:": "redis",
  "redis+sentinel:": "redis",
  "rediss+sentinel:": "redis",
};

/** The backend that a url is of: `memory:`, `sqlite:PATH`, `redis://…`, `rediss://…`, both with `+sentinel`; `undefined` for any other. */
export function backendOf(url: string): Backend | undefined {
  const scheme = schemeOf(url).toLowerCase();
  return Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
}

/** What a url begins with, as far as it can be told; of one without a scheme no more than cannot be of a password. */
export function schemeOf(url: string): string {
  return (/^[a-z+]+:/i.exec(url) ?? /^[^:@]{0,20}(?=:|$)/.exec(url))?.[0] ?? "";
}

/** What is wrong with a url that begins with nothing known, where that can be told: what files of variables leave around a value. */
export function hintAbout(url: string): string {
  const inner = url.trim().replace(/^(["'])(.*)\1$/, "$2");
  return inner !== url && backendOf(inner) !== undefined ? " Take the quotes or blanks around it away." : "";
}

/** `sqlite:jobs.db`, `sqlite:./jobs.db`, `sqlite:/var/jobs.db`; also as urls are written, `sqlite://jobs.db`, `sqlite:///var/jobs.db`. */
export function sqlitePathOf(url: string): string {
  return url.slice("sqlite:".length).replace(/^\/\//, "");
}

/** A url without what may be a password. */
export function withoutPassword(url: string): string {
  // Up to the last @: a password may have one, and slashes, and the end of the line that it was read from. Of a file's path a ? may
  // be a part.
  return backendOf(url) === "sqlite" ? url : url.replace(/\/\/.*@/s, "//…@").replace(/[?#].*$/s, "");
}
