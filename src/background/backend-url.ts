/** What can keep jobs. */
export type Backend = "memory" | "sqlite" | "redis";

const SCHEMES: Readonly<Record<string, Backend>> = {
  "memory:": "memory",
  "sqlite:": "sqlite",
  "redis:": "redis",
  "rediss:": "redis",
};

/** The backend that a url is of: `memory:`, `sqlite:PATH`, `redis://…` or `rediss://…`; `undefined` for any other. */
export function backendOf(url: string): Backend | undefined {
  return SCHEMES[schemeOf(url)];
}

/** What a url begins with, as far as it can be told. */
export function schemeOf(url: string): string {
  return /^[a-z]+:/.exec(String(url))?.[0] ?? String(url).slice(0, 20);
}

/** `sqlite:jobs.db`, `sqlite:./jobs.db`, `sqlite:/var/jobs.db`; also as urls are written, `sqlite://jobs.db`, `sqlite:///var/jobs.db`. */
export function sqlitePathOf(url: string): string {
  return url.slice("sqlite:".length).replace(/^\/\//, "");
}

/** A url without what may be a password. */
export function withoutPassword(url: string): string {
  // Up to the last @: a password may have one, and slashes too.
  return url.replace(/\/\/.*@/, "//…@");
}
