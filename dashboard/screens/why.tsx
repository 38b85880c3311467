import { useEffect, useState } from "preact/hooks";
import type { Waiting } from "../api.ts";
import { isJobId, plural, shortId, visible } from "../format.ts";
import { Causes, Explained, useExplanation } from "../parts/explained.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { StatusBadge } from "../parts/status.tsx";
import { When } from "../parts/when.tsx";
import { useResource } from "../resource.ts";
import { jobPath, Link, navigate, pathTo } from "../router.tsx";

/** Why jobs are not running: the job with a given id, and for each task the one that has waited longest. */
export function WhyScreen({ query }: { readonly query: URLSearchParams }) {
  const asked = query.get("job") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  // Finding the oldest jobs of many tasks is too costly for every change.
  const waiting = useResource<Waiting>("waiting", { everyMs: 3_000, patch: (waiting) => waiting });
  return (
    <>
      <h1>Why is it not running?</h1>
      <form
        class="why-form"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = text.trim().toLowerCase();
          // Lists show the last part of an id, which only the search finds.
          const isWhole = wanted === "" || isJobId(wanted);
          navigate(isWhole ? pathTo("why", { job: wanted }) : pathTo("jobs", { search: wanted }));
        }}
      >
        <label for="why-job">Job id</label>
        <input
          id="why-job"
          type="search"
          value={text}
          placeholder="0199…"
          autocomplete="off"
          spellcheck={false}
          maxLength={64}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <button type="submit" class="is-primary">
          Explain
        </button>
      </form>
      {asked !== "" && <JobExplanation key={asked} jobId={asked} />}
      <section aria-labelledby="waiting-title" class="card">
        <h2 id="waiting-title">Waiting longest, by task</h2>
        <Loaded resource={waiting}>
          {({ tasks, more }) =>
            tasks.length === 0 ? (
              <Empty title="No job is waiting.">All that was enqueued has been started.</Empty>
            ) : (
              <ul class="waiting">
                {tasks.map(({ task, pending, oldest, explanation }) => (
                  <li key={task}>
                    <div class="waiting-head">
                      <Link to={pathTo("jobs", { status: "pending", task })} class="task">
                        {visible(task)}
                      </Link>
                      <span class="muted">{plural(pending, "pending job")}; the oldest is</span>
                      <Link to={jobPath(oldest.jobId)}>
                        <code class="id">{shortId(oldest.jobId)}</code>
                      </Link>
                      <span class="muted">
                        of <When at={oldest.createdAt} />
                      </span>
                    </div>
                    {explanation.jobId !== oldest.jobId && (
                      <p class="muted">
                        This is about{" "}
                        <Link to={jobPath(explanation.jobId)}>
                          <code class="id">{shortId(explanation.jobId)}</code>
                        </Link>
                        , a newer one:
                      </p>
                    )}
                    <Causes explanation={explanation} />
                  </li>
                ))}
                {more > 0 && <li class="muted">and {plural(more, "more task")} with pending jobs</li>}
              </ul>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function JobExplanation({ jobId }: { readonly jobId: string }) {
  const explanation = useExplanation(jobId);
  const status = explanation.data?.status ?? null;
  return (
    <section class="card is-why" aria-labelledby="one-title">
      <h2 id="one-title">
        <Link to={jobPath(jobId)}>
          Job <code class="id">{visible(jobId)}</code>
        </Link>{" "}
        {status !== null && <StatusBadge status={status} />}
      </h2>
      {explanation.error?.status === 404 ? (
        <Empty title="There is no such job.">It was never enqueued here, or has been removed.</Empty>
      ) : (
        <Explained explanation={explanation} />
      )}
    </section>
  );
}
