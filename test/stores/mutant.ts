import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type OpenStore, storeCases } from "../../src/testing/store-conformance.ts";
import { checkStore } from "./model.ts";

/** One guard of a store, broken. */
export interface Mutation {
  /** What the guard is for. */
  readonly guard: string;
  /** Within `src/background`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Where everything runs, one in so many is tried: each takes a store through all of its cases. */
const ONE_IN = 12;

/** Those that are tried: all of them where FAULT_ROUNDS asks for full counts. */
export function tried(mutations: readonly Mutation[]): readonly Mutation[] {
  return process.env.FAULT_ROUNDS === undefined ? mutations.filter((_, place) => place % ONE_IN === 0) : mutations;
}

/** A store whose guards are broken. */
export interface Subject<Module> {
  /** Its program, within `src/background`. */
  readonly program: string;
  /** How a copy of it is opened; what it keeps in files goes with the folder. */
  readonly open: (copy: Module, folder: string) => OpenStore;
  /** Two of a copy that share their jobs, if they can. */
  readonly openTwo?: (copy: Module, folder: string) => OpenStore;
}

/** Mutations of one file, each in a line. */
export function inFile(
  file: string,
  ...mutations: readonly (readonly [guard: string, find: string, replace: string])[]
): Mutation[] {
  return mutations.map(([guard, find, replace]) => ({ guard, file, find, replace }));
}

const sources = fileURLToPath(new URL("../../src/background", import.meta.url));

/** Copies a store and the core, with or without a guard, and says which test finds that out first, if any does. */
export async function findFailure<Module>(
  { program, open, openTwo }: Subject<Module>,
  mutation: Mutation | null,
  root: string,
): Promise<string | null> {
  const folder = mkdtempSync(join(root, "mutant-"));
  try {
    for (const part of ["core", join(program, "..")]) {
      cpSync(join(sources, part), join(folder, part), { recursive: true });
    }
    if (mutation !== null) mutate(folder, mutation);
    const copy: Module = await import(/* @vite-ignore */ pathToFileURL(join(folder, program)).href);
    return await firstFailure(open(copy, folder), openTwo?.(copy, folder));
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

/** What two stores of the same jobs have to agree on. */
const SHARED = /^(leases|settle)/;
/** Each time other calls go to the one and to the other. */
const PASSES = 3;

/** The model finds most faults at once; the cases find those that it does not look for. */
async function firstFailure(openStore: OpenStore, openTwo: OpenStore | undefined): Promise<string | null> {
  const differs = (open: OpenStore, commands: number, seed: number) =>
    fails(() => checkStore(open, { commands, seed, isShrunk: false }));
  if (await differs(openStore, 200, 1)) return "the model";
  for (const { name, run } of storeCases) if (await fails(() => run(openStore))) return name;
  if (await differs(openStore, 2_000, 2)) return "the model";
  if (openTwo === undefined) return null;
  if (await differs(openTwo, 1_000, 3)) return "the model, of two";
  for (let pass = 0; pass < PASSES; pass++) {
    for (const { name, run } of storeCases) if (SHARED.test(name) && (await fails(() => run(openTwo)))) return name;
  }
  return null;
}

async function fails(test: () => Promise<void>): Promise<boolean> {
  try {
    await test();
    return false;
  } catch {
    return true;
  }
}
