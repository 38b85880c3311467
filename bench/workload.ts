/** About 60 bytes as JSON: an address, a number, and the overhead of two keys. */
export interface Payload {
  readonly to: string;
  readonly number: number;
}

export function payloads(count: number): Payload[] {
  return Array.from({ length: count }, (_, number) => ({
    to: "somebody.somewhere@example.com",
    number: 1_000_000 + number,
  }));
}

/** Calls for every job, so many of the calls under way at a time. */
export async function inLanes(
  jobs: readonly Payload[],
  lanes: number,
  call: (job: Payload) => Promise<unknown>,
): Promise<void> {
  const left = jobs.values();
  const lane = async () => {
    for (const job of left) await call(job);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Jobs at a time, in every contender. */
export const CONCURRENCY = 100;

/** Completed jobs that are kept where few are. */
export const FEW = 1_000;
