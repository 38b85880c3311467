import { setTimeout as pause } from "node:timers/promises";

/** Runs one measurement and resolves with its result. */
export type Contender = () => Promise<number>;

/** The results of several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Measures contenders in turns, so that other load on the machine affects all of them alike. The first round is a
 * warm-up and is not counted.
 */
export async function byTurns<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  rounds: number,
): Promise<Readonly<Record<Name, Spread>>> {
  const names = Object.keys(contenders) as Name[];
  const figures = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      globalThis.gc?.();
      await pause(20);
      const figure = await contenders[name]();
      if (round > 0) figures.get(name)?.push(figure);
    }
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(figures.get(name) ?? [])])) as Record<Name, Spread>;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: quantile(sorted, 0), max: quantile(sorted, 1) };
}

/** The p50 and p95 of sequential calls, in milliseconds. The first call is a warm-up and is not counted. */
export async function timed(call: () => Promise<unknown>, calls: number): Promise<number[]> {
  await call();
  const times: number[] = [];
  for (let n = 0; n < calls; n++) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return [0.5, 0.95].map((share) => quantile(times, share));
}

/** @param sorted in ascending order */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
