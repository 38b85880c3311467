/** Passes on together what comes before `later` calls back. */
export function inBatches<T>(
  later: (callback: () => void) => void,
  pass: (batch: readonly T[]) => void,
): (item: T) => void {
  let batch: T[] = [];
  return (item) => {
    batch.push(item);
    if (batch.length > 1) return;
    later(() => {
      const passed = batch;
      batch = [];
      pass(passed);
    });
  };
}
