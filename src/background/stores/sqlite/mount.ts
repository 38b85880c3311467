import { readFileSync } from "node:fs";

/** What this process sees mounted where: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
const MOUNTS = "/proc/self/mountinfo";

/** Whether a file is mounted by itself, as containers allow; `false` where the system cannot tell. */
export function isMountPoint(realPath: string): boolean {
  const escaped = realPath.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return mounts().some((line) => line.split(" ")[4] === escaped);
}

function mounts(): readonly string[] {
  try {
    return readFileSync(MOUNTS, "utf8").split("\n");
  } catch {
    return [];
  }
}
