/**
 * Does something to many jobs, and tells how that ended, for behind how many they were: nothing, interrupted, or cut off by an
 * error, which is thrown then.
 */
export async function toItsEnd(
  interrupted: AbortSignal,
  act: () => Promise<void>,
  tell: (end: string) => void,
): Promise<void> {
  let end = ", then cut off";
  try {
    await act();
    end = interrupted.aborted ? ", then interrupted" : "";
  } finally {
    tell(end);
  }
}
