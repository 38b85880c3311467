import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { type OpenStore, storeCases } from "../../src/testing/store-conformance.ts";
import { isComplete, oneIn } from "../rounds.ts";
import { checkStore } from "./model.ts";
import { reopenedCases } from "./reopened.ts";
import { sharedCases } from "./shared.ts";

/** One guard of a store, broken. */
export interface Mutation {
  /** What the guard is for. */
  readonly guard: string;
  /** Within `src/background`. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** In a run of all tests only one mutation in so many is tried, since each takes a store through all of its cases. */
const ONE_IN = 12;

/** The mutations that are tried. The others, too, must fit the code as it is. */
export function tried(mutations: readonly Mutation[]): readonly Mutation[] {
  for (const mutation of mutations) mutated(sources, mutation);
  return oneIn(ONE_IN, mutations);
}

/** A store whose guards are broken. */
export interface Subject<Module> {
  /** Its module, within `src/background`. */
  readonly program: string;
  /** Opens a copy of it; the folder, with the files in it, is removed afterwards. */
  readonly open: (copy: Module, folder: string) => OpenStore;
  /** Opens two stores of a copy that share their jobs, if they can. */
  readonly openTwo?: (copy: Module, folder: string) => OpenStore;
  /** Returns what opens a copy on the same jobs each time, if it keeps them; each call is for other jobs. */
  readonly openSame?: (copy: Module, folder: string) => OpenStore;
}

/** Mutations of one file. */
export function inFile(
  file: string,
  ...mutations: readonly (readonly [guard: string, find: string, replace: string])[]
): Mutation[] {
  return mutations.map(([guard, find, replace]) => ({ guard, file, find, replace }));
}

const sources = fileURLToPath(new URL("../../src/background", import.meta.url));

/** One test for each broken guard: some test of stores must fail on it. And a last one: on an unbroken copy, those tests pass. */
export function testMutations<Module>(
  title: string,
  subject: Subject<Module>,
  mutations: readonly Mutation[],
  { folder, timeout }: { readonly folder: string; readonly timeout: number },
): void {
  const alarms = new Set<string | null>();
  describe.concurrent(title, { timeout }, () => {
    for (const mutation of mutations) {
      it(mutation.guard, async () => {
        const alarm = await withCopy(subject, mutation, folder, (stores) => firstOf(TRIALS, stores));
        expect(alarm).not.toBeNull();
        alarms.add(alarm);
      });
    }
  });
  it("an unbroken copy passes the tests that failed on broken guards", { timeout }, async () => {
    const again = isComplete ? TRIALS : TRIALS.filter(({ name }) => alarms.has(name));
    expect(await withCopy(subject, null, folder, (stores) => firstOf(again, stores))).toBeNull();
  });
}

async function withCopy<Module>(
  { program, open, openTwo, openSame }: Subject<Module>,
  mutation: Mutation | null,
  root: string,
  run: (stores: Stores) => Promise<string | null>,
): Promise<string | null> {
  const folder = mkdtempSync(join(root, "mutant-"));
  try {
    for (const part of ["core", join(program, "..")]) {
      cpSync(join(sources, part), join(folder, part), { recursive: true });
    }
    if (mutation !== null) writeFileSync(join(folder, mutation.file), mutated(folder, mutation));
    const copy: Module = await import(/* @vite-ignore */ pathToFileURL(join(folder, program)).href);
    return await run({
      one: open(copy, folder),
      two: openTwo?.(copy, folder),
      same: openSame && (() => openSame(copy, folder)),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text of the mutation's file with the guard broken. */
function mutated(folder: string, { file, find, replace, guard }: Mutation): string {
  const parts = readFileSync(join(folder, file), "utf8").split(find);
  if (parts.length !== 2)
    throw new Error(
      `The text to replace for "${guard}" must be in ${file} once, but is there ${parts.length - 1} times.`,
    );
  return parts.join(replace);
}

interface Stores {
  readonly one: OpenStore;
  readonly two: OpenStore | undefined;
  readonly same: (() => OpenStore) | undefined;
}

interface Trial {
  readonly name: string;
  readonly run: (stores: Stores) => Promise<void>;
}

/** What two stores of the same jobs have to agree on. */
const SHARED = /^(leases|settle)/;
/** The calls are divided differently between the two in each pass. */
const PASSES = 3;

/** In the order in which they are tried: the model finds most faults at once; the cases find those that it does not look for. */
const TRIALS: readonly Trial[] = trials();

function trials(): Trial[] {
  const ofOne = (name: string, run: (open: OpenStore) => Promise<void>): Trial => ({
    name,
    run: ({ one }) => run(one),
  });
  const ofTwo = (name: string, run: (open: OpenStore) => Promise<void>): Trial => ({
    name: `${name}, of two`,
    run: async ({ two }) => {
      if (two !== undefined) await run(two);
    },
  });
  const model = (commands: number, seed: number) => (open: OpenStore) =>
    checkStore(open, { commands, seed, isShrunk: false });
  const shared = storeCases.filter(({ name }) => SHARED.test(name));
  return [
    ofOne("the model", model(200, 1)),
    ...storeCases.map(({ name, run }) => ofOne(name, run)),
    ...[...reopenedCases, ...sharedCases].map(
      ({ name, run }): Trial => ({ name, run: async ({ same }) => same && run(same()) }),
    ),
    ofOne("the model at length", model(2_000, 2)),
    ofTwo("the model", model(1_000, 3)),
    ...Array.from({ length: PASSES }, () => shared.map(({ name, run }) => ofTwo(name, run))).flat(),
  ];
}

/** The name of the first trial that fails. */
async function firstOf(all: readonly Trial[], stores: Stores): Promise<string | null> {
  for (const { name, run } of all) {
    try {
      await run(stores);
    } catch {
      return name;
    }
  }
  return null;
}
