/** How often FAULT_ROUNDS asks for what is left to chance; where everything runs, nothing asks, and a little must do. */
const asked = process.env.FAULT_ROUNDS;

/** Whether what takes long is to be tried to the last. */
export const isComplete: boolean = asked !== undefined;

/** How many rounds of chance a test takes: few where everything runs. */
export function rounds(few: number): number {
  return Number(asked ?? few);
}

/** Those that are tried: all of them, or one in so many where everything runs. */
export function oneIn<T>(count: number, all: readonly T[]): readonly T[] {
  return isComplete ? all : all.filter((_, place) => place % count === 0);
}
