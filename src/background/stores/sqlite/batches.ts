/** Collects items until `later` calls back, then passes them on together. */
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
