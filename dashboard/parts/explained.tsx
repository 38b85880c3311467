import type { Explanation } from "../api.ts";
import { shortStamp, visible } from "../format.ts";
import { type Resource, useResource } from "../resource.ts";
import { LongText } from "./long-text.tsx";
import { Loaded } from "./notice.tsx";

/** Why a job has its status, loaded again with every change. */
export const useExplanation = (jobId: string): Resource<Explanation> =>
  useResource(`jobs/${encodeURIComponent(jobId)}/explain`, { everyMs: 3_000 });

export function Explained({ explanation }: { readonly explanation: Resource<Explanation> }) {
  return (
    <Loaded resource={explanation} rows={2}>
      {(data) => <Causes explanation={data} />}
    </Loaded>
  );
}

/** Causes whose message names an instant, and quotes nothing. */
const TIMED: ReadonlySet<string> = new Set<Explanation["causes"][number]["code"]>(["delayed", "waiting_for_retry"]);

/** Explanations are in UTC, since they are for anybody, but this page is in local time. */
const withLocalTime = (message: string): string =>
  message.replace(/[+-]?\d{4,6}-\d\d-\d\dT[\d:.]+Z/, (instant) => shortStamp(Date.parse(instant)));

export function Causes({ explanation: { causes } }: { readonly explanation: Explanation }) {
  return (
    <ol class="causes">
      {causes.map(({ code, message, remedy, detail }) => (
        <li key={code}>
          <p>{visible(TIMED.has(code) ? withLocalTime(message) : message)}</p>
          {detail !== null && (
            <p class="is-failed">
              <LongText text={detail} />
            </p>
          )}
          <p class="remedy">
            <span class="remedy-label">What to do</span> {visible(remedy)}
          </p>
        </li>
      ))}
    </ol>
  );
}
