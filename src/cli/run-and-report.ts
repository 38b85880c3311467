/**
 * Runs a change of many jobs, and reports it even if it fails, so that what was done until then is known.
 *
 * @param report gets a suffix for the number of jobs: empty, or that the change was interrupted or cut off by an error
 * @throws whatever `act` throws, after the report
 */
export async function runAndReport(
  interrupted: AbortSignal,
  act: () => Promise<void>,
  report: (end: string) => void,
): Promise<void> {
  let end = ", then cut off";
  try {
    await act();
    end = interrupted.aborted ? ", then interrupted" : "";
  } finally {
    report(end);
  }
}
