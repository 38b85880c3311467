import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { MemoryStore } from "../../src/background/stores/memory/store.ts";
import { type OpenStore, storeCases } from "../../src/testing/store-conformance.ts";
import { checkStore } from "./model.ts";
import type { Mutation } from "./mutations.ts";

const sources = fileURLToPath(new URL("../../src/background", import.meta.url));

/** Copies the memory store and the core, with or without a guard, and says which test finds that out first, if any does. */
export async function findFailure(mutation: Mutation | null): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-mutant-"));
  try {
    for (const part of ["core", "stores/memory"]) cpSync(join(sources, part), join(folder, part), { recursive: true });
    if (mutation !== null) mutate(folder, mutation);
    const url = pathToFileURL(join(folder, "stores/memory/store.ts")).href;
    const copy: { readonly MemoryStore: typeof MemoryStore } = await import(/* @vite-ignore */ url);
    return await firstFailure(({ clock }) => new copy.MemoryStore({ clock }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mutate(folder: string, { file, find, replace, guard }: Mutation): void {
  const path = join(folder, file);
  const parts = readFileSync(path, "utf8").split(find);
  if (parts.length !== 2)
    throw new Error(`"${guard}" is to be found once in ${file}, and is there ${parts.length - 1} times.`);
  writeFileSync(path, parts.join(replace));
}

async function firstFailure(openStore: OpenStore): Promise<string | null> {
  for (const { name, run } of storeCases) {
    try {
      await run(openStore);
    } catch {
      return name;
    }
  }
  try {
    await checkStore(openStore, { commands: 2_000, seed: 1, isShrunk: false });
    return null;
  } catch {
    return "the model";
  }
}
