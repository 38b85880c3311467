/** Set by `npm run test:faults`: the number of rounds of randomized tests. */
const asked = process.env.FAULT_ROUNDS;

/** Whether this is a full run of the fault tests. A normal run tries only part of what takes long. */
export const isComplete: boolean = asked !== undefined;

/** The number of rounds of a randomized test; in a normal run `few`. */
export function rounds(few: number): number {
  return Number(asked ?? few);
}

/** All cases; in a normal run every `count`-th one. */
export function oneIn<T>(count: number, all: readonly T[]): readonly T[] {
  return isComplete ? all : all.filter((_, place) => place % count === 0);
}
