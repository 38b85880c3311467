import { useEffect, useRef, useState } from "preact/hooks";
import { useShortcuts } from "./keys.ts";
import { type Connection, follow, useConnection } from "./live.ts";
import { Icon } from "./parts/icons.tsx";
import { Empty } from "./parts/notice.tsx";
import { Link, navigate, type Route, useRoute } from "./router.tsx";
import { JobScreen } from "./screens/job.tsx";
import { JobsScreen } from "./screens/jobs.tsx";
import { OverviewScreen } from "./screens/overview.tsx";
import { WhyScreen } from "./screens/why.tsx";
import { IS_READ_ONLY, TITLE } from "./settings.ts";
import { ShortcutList } from "./shortcut-list.tsx";
import { toggleTheme, useTheme } from "./theme-choice.ts";

const SCREENS = [
  { to: "", name: "Overview" },
  { to: "jobs", name: "Jobs" },
  { to: "why", name: "Why waiting?" },
] as const;

/** The frame around every screen. */
export function Shell() {
  const route = useRoute();
  const [isListOpen, setListOpen] = useState(false);
  useShortcuts([
    { keys: "g o", does: "Go to the overview", run: () => navigate("") },
    { keys: "g j", does: "Go to the jobs", run: () => navigate("jobs") },
    { keys: "g w", does: "Go to “Why waiting?”", run: () => navigate("why") },
    { keys: "t", does: "Light or dark", run: toggleTheme },
    { keys: "?", does: "Show this list", run: () => setListOpen(true) },
  ]);
  const [place = ""] = route.path;
  const [, shownJob] = place === "jobs" ? route.path : [];
  useEffect(
    () => follow(shownJob === undefined ? "events" : `jobs/${encodeURIComponent(shownJob)}/events`),
    [shownJob],
  );
  useEffect(() => {
    const name = SCREENS.find(({ to }) => to === place)?.name;
    const [, jobId] = route.path;
    document.title = `${jobId === undefined ? (name ?? "Not found") : `Job ${jobId.slice(-12)}`} · ${TITLE}`;
  }, [route]);
  const main = useRef<HTMLElement>(null);
  const screen = route.path.join("/");
  const shown = useRef(screen);
  useEffect(() => {
    // The focus goes along to another screen, instead of being lost with the link that led there.
    if (shown.current !== screen) main.current?.focus({ preventScroll: true });
    shown.current = screen;
  }, [screen]);

  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <Link to="" class="brand">
          <Mark />
          <span class="brand-name" title={TITLE}>
            {TITLE}
          </span>
        </Link>
        <nav aria-label="Screens">
          {SCREENS.map(({ to, name }) => (
            <Link key={to} to={to} {...(place === to && { "aria-current": "page" as const })}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="header-tools">
          {IS_READ_ONLY && <span class="tag">read-only</span>}
          <ConnectionLight />
          <ThemeButton />
          <button
            type="button"
            class="is-quiet only-with-keys"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts (?)"
            onClick={() => setListOpen(true)}
          >
            <kbd>?</kbd>
          </button>
        </div>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <Screen route={route} />
      </main>
      {isListOpen && <ShortcutList close={() => setListOpen(false)} />}
    </>
  );
}

function Screen({ route }: { readonly route: Route }) {
  const [place, id, ...rest] = route.path;
  if (place === undefined) return <OverviewScreen />;
  if (place === "jobs" && id === undefined) return <JobsScreen query={route.query} />;
  if (place === "jobs" && id !== undefined && rest.length === 0) return <JobScreen key={id} jobId={id} />;
  if (place === "why" && id === undefined) return <WhyScreen query={route.query} />;
  return (
    <Empty title="There is no such screen.">
      <Link to="">To the overview</Link>
    </Empty>
  );
}

const CONNECTIONS: Readonly<Record<Connection, readonly [name: string, meaning: string]>> = {
  connecting: ["Connecting", "The page is opening its stream of changes."],
  live: ["Live", "Changes are shown as they happen."],
  polling: ["Polling", "There is no stream of changes: the page reloads its data every three seconds."],
  paused: ["Paused", "The page is hidden: nothing is loaded."],
  offline: ["Offline", "The server cannot be reached; the page tries again automatically."],
};

function ConnectionLight() {
  const connection = useConnection();
  const [name, meaning] = CONNECTIONS[connection];
  return (
    <span class={`connection is-${connection}`} role="status" title={meaning}>
      <span class="light" aria-hidden="true" />
      {name}
    </span>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      class="is-quiet"
      aria-label={`Use the ${other} theme`}
      title={`Use the ${other} theme (t)`}
      onClick={toggleTheme}
    >
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M8 10h16M8 16h11M8 22h6M20 21l2.2 2.2L26 19" />
    </svg>
  );
}
