/** The oldest Node.js that package.json allows. */
export const OLDEST_NODE = [22, 18] as const;

/** @param version as in `process.versions.node` */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}
