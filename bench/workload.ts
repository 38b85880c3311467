/** About 60 bytes as JSON. */
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

/** Calls `call` for every job, with `lanes` calls in progress at a time. */
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

/** How many jobs every contender runs at a time. */
export const CONCURRENCY = 100;

/** How many completed jobs the contenders keep that keep few. */
export const FEW = 1_000;
