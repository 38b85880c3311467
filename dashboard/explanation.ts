/** Why a job is where it is, as the server tells it. */
export interface Explanation {
  readonly jobId: string;
  readonly task: string | null;
  readonly status: string | null;
  readonly summary: string;
  readonly causes: readonly Cause[];
  readonly at: string;
}

interface Cause {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** What the last error says, where that is the reason. */
  readonly detail: string | null;
}
