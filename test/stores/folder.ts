import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** In memory where the system has such a place: what is tested is not how long a disk takes. */
const ROOT = statSync("/dev/shm", { throwIfNoEntry: false })?.isDirectory() ? "/dev/shm" : tmpdir();

/** A folder of a test file's own, there while its tests run. */
export function ownFolder(): string {
  const folder = join(ROOT, `rapidai-${randomUUID()}`);
  beforeAll(() => void mkdirSync(folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
