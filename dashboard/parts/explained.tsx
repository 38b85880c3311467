import type { Explanation } from "../api.ts";
import { visible } from "../format.ts";
import { type Resource, useResource } from "../resource.ts";
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

export function Causes({ explanation: { causes } }: { readonly explanation: Explanation }) {
  return (
    <ol class="causes">
      {causes.map(({ code, message, remedy, detail }) => (
        <li key={code}>
          <p>{visible(message)}</p>
          {detail !== null && <p class="is-failed">{visible(detail)}</p>}
          <p class="remedy">
            <span class="remedy-label">What to do</span> {visible(remedy)}
          </p>
        </li>
      ))}
    </ol>
  );
}
