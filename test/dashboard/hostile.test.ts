import type { Browser, Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SLOW_MS, startBrowser, type WatchedPage } from "./browser.ts";
import { isWithoutChromium } from "./chromium.ts";
import { HOSTILE_TEXTS } from "./hostile-texts.ts";
import { type Scene, startScene } from "./scene.ts";

/** Texts that are shown in one field together. */
const TOGETHER = 24;
const AT = "2026-03-01T10:00:00.000Z";
const STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;

/** A job as no server of ours would tell it: with this text wherever there can be one. */
function hostileJob(text: string, texts: readonly string[], status: string, index: number) {
  const error = { name: text, message: text, stack: text };
  const isDone = status !== "pending" && status !== "running";
  return {
    jobId: `01950000-0000-7000-8000-${String(index).padStart(12, "0")}`,
    task: text,
    status,
    result: { [text]: texts },
    error: text,
    errors: [{ attempt: 1, ...error, at: AT }],
    createdAt: AT,
    startedAt: AT,
    attemptedAt: AT,
    completedAt: isDone ? AT : null,
    runAt: AT,
    attempts: 2,
    maxRetries: 3,
    progress: { fraction: 0.5, done: 1, total: 2, message: text },
    estimatedCompletion: status === "running" ? AT : null,
    usage: { inputTokens: 1, outputTokens: 2, cost: 0.01 },
    isDone,
    duration: isDone ? 1 : null,
    payload: { [text]: texts, nested: [{ [text]: text }] },
    logs: texts,
    history: [
      { attempt: 1, status: "failed", worker: text, startedAt: AT, endedAt: AT, error },
      { attempt: 2, status: status === "pending" ? "failed" : status, worker: text, startedAt: AT, endedAt: AT, error },
    ],
    worker: text,
    cancelledBy: text,
    attemptLimit: 4,
    losses: 1,
  };
}

const chunks: readonly (readonly string[])[] = Array.from(
  { length: Math.ceil(HOSTILE_TEXTS.length / TOGETHER) },
  (_, chunk) => HOSTILE_TEXTS.slice(chunk * TOGETHER, (chunk + 1) * TOGETHER),
);
const jobs = chunks.map((texts, index) =>
  hostileJob(texts.join(" "), texts, STATUSES[index % STATUSES.length] as string, index),
);
const listed = HOSTILE_TEXTS.map((text, index) =>
  hostileJob(text, [text], STATUSES[index % STATUSES.length] as string, index),
);
const explained = (text: string) => ({
  jobId: jobs[0]?.jobId,
  task: text,
  status: text,
  summary: text,
  causes: [{ code: text, message: text, remedy: text, detail: text }],
  at: AT,
});
const counts = { pending: 1, running: 1, completed: 1, failed: 1, cancelled: 1 };

/** What the server says, in place of what it would say. */
const ANSWERS: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
  "/jobs": (query) => ({ jobs: query.has("search") ? [] : listed, next: null, isPartial: true }),
  "/counts": () => ({ byStatus: counts, byTask: Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, counts])) }),
  "/health": () => ({
    isHealthy: false,
    store: HOSTILE_TEXTS.join(" "),
    error: HOSTILE_TEXTS.join(" "),
    latencyMs: 1,
    workers: HOSTILE_TEXTS.slice(0, 50).map((text) => ({ id: text, tasks: [text], slots: 1, version: text })),
    warnings: HOSTILE_TEXTS.map((text) => ({ code: text, message: text, remedy: text })),
    details: Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, text])),
  }),
  "/waiting": () => ({
    tasks: HOSTILE_TEXTS.map((task, index) => ({
      task,
      pending: 1,
      oldest: { jobId: jobs[index % jobs.length]?.jobId, createdAt: AT },
      explanation: explained(task),
    })),
  }),
};

async function answer(route: Route): Promise<void> {
  const { pathname, searchParams } = new URL(route.request().url());
  const path = pathname.split("/api")[1] ?? "";
  if (path === "/events" || path === "/stats") return route.continue();
  const [, id, explain] = /^\/jobs\/([^/]+)(\/explain|\/events)?$/.exec(path) ?? [];
  const job = jobs.find(({ jobId }) => jobId === id);
  if (explain === "/events") {
    const body = `event: snapshot\ndata: ${JSON.stringify(job)}\n\nevent: log\ndata: ${JSON.stringify({ jobId: id, lines: job?.logs })}\n\n`;
    return route.fulfill({ contentType: "text/event-stream", body });
  }
  const body = job !== undefined ? (explain === undefined ? job : explained(job.task)) : ANSWERS[path]?.(searchParams);
  return body === undefined
    ? route.fulfill({ status: 500, json: { error: { code: "x", message: HOSTILE_TEXTS.join(" ") } } })
    : route.fulfill({ json: body });
}

/** What there is in the page that only markup from a text could have brought. */
const FOREIGN = `(() => {
  const strange = [...document.querySelectorAll(
    "iframe,object,embed,img,video,audio,base,meta[http-equiv],template,marquee,portal,math,style,form[action],xss"
  )];
  const scripts = [...document.scripts].filter(({ src }) => !src.startsWith(location.origin + "/dashboard/assets/"));
  const handlers = [...document.querySelectorAll("*")].filter((element) =>
    element.getAttributeNames().some((name) => name.startsWith("on")));
  const links = [...document.querySelectorAll("[href],[src]")].filter((element) =>
    new URL(element.getAttribute("href") ?? element.getAttribute("src"), location.href).origin !== location.origin);
  return [...strange, ...scripts, ...handlers, ...links].map(({ outerHTML }) => outerHTML.slice(0, 200))
    .concat(window.hasRun === undefined ? [] : ["a script has run"])
    .concat(document.scripts.length === 2 ? [] : [document.scripts.length + " scripts"]);
})()`;

/** Goes on within the page, as its links do. */
async function visit(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, "", "/dashboard" + ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent("popstate"))`,
  );
}

describe.skipIf(isWithoutChromium)("texts that want to be more than text", () => {
  let browser: Browser;
  let scene: Scene;
  let watched: WatchedPage;
  beforeAll(async () => {
    [browser, scene] = await Promise.all([startBrowser(), startScene()]);
    watched = await scene.open(browser);
    await watched.page.route("**/api/**", answer);
    await watched.page.goto(scene.url);
    await watched.page.locator(".tile").first().waitFor();
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await scene?.close();
  });

  test("there are more than 200 of them", () => {
    expect(new Set(HOSTILE_TEXTS).size).toBeGreaterThan(200);
  });

  test("run nothing in the overview: tasks, workers, backend, warnings", async () => {
    const { page, complaints } = watched;
    await page.getByText("<svg onload=window.hasRun=1>", { exact: true }).first().waitFor();
    expect(await page.evaluate(FOREIGN)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("run nothing in the list: tasks, errors, results, progress", async () => {
    const { page, complaints } = watched;
    await visit(page, "/jobs");
    await page
      .locator(".job-row")
      .nth(HOSTILE_TEXTS.length - 1)
      .waitFor();
    expect(await page.evaluate(FOREIGN)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("run nothing on the page of a job: payload, result, log, errors, stacks, progress, worker, canceller", async () => {
    const { page, complaints } = watched;
    for (const { jobId, logs } of jobs) {
      await visit(page, `/jobs/${jobId}`);
      await page.locator(".job-id", { hasText: jobId }).waitFor();
      expect(await page.locator(".logs").textContent()).toContain(logs.find((line) => /^[ -~]+$/.test(line)));
      expect(await page.evaluate(FOREIGN)).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  test("run nothing where it is told why a job waits, nor as a query or a job's id", async () => {
    const { page, complaints } = watched;
    await visit(page, "/why");
    await page
      .locator(".waiting > li")
      .nth(HOSTILE_TEXTS.length - 1)
      .waitFor();
    expect(await page.evaluate(FOREIGN)).toEqual([]);
    for (const text of chunks.map((texts) => texts.join(" "))) {
      const query = new URLSearchParams({ task: text, status: text, search: text, since: text, from: text, job: text });
      await visit(page, `/jobs?${query}`);
      await page.getByLabel("Task").waitFor();
      expect(await page.evaluate(FOREIGN)).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });
});
