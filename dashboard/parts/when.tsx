import { useNow } from "../clock.ts";
import { ago, shortStamp, stamp } from "../format.ts";

/** A relative time, such as "3 s ago", with the instant as a tooltip. */
export function When({ at }: { readonly at: string }) {
  const time = Date.parse(at);
  const now = useNow();
  return (
    <time dateTime={at} title={stamp(time)}>
      {ago(time, now)}
    </time>
  );
}

/** An instant, with the relative time. */
export function Instant({ at }: { readonly at: string | null }) {
  const now = useNow();
  if (at === null) return <span class="muted">–</span>;
  const time = Date.parse(at);
  return (
    <time dateTime={at}>
      {shortStamp(time)} <span class="muted">{ago(time, now)}</span>
    </time>
  );
}
