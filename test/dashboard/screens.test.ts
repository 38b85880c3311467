import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { SLOW_MS, startBrowser, type WatchedPage } from "./browser.ts";
import { isWithoutChromium } from "./chromium.ts";
import { type Scene, startScene } from "./scene.ts";

/** What axe-core finds wrong, in words; by all of its rules, or by those about colours alone. */
async function violationsOf(page: Page, rules: "all" | "colours" = "all"): Promise<readonly string[]> {
  await page.evaluate(`window.axe === undefined && (() => { ${axe.source} })()`);
  const options = {
    preload: false,
    resultTypes: ["violations"],
    ...(rules === "colours" && { runOnly: ["color-contrast", "link-in-text-block"] }),
  };
  return page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.flatMap(
    ({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + " " + target.join(" ") + ": " + failureSummary)))`);
}

const overflowOf = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

describe.skipIf(isWithoutChromium)("the screens", () => {
  let browser: Browser;
  let scene: Scene;
  /** Each with something in it: of every status, and with everything that a job can have. */
  let screens: Readonly<Record<string, string>>;

  beforeAll(async () => {
    [browser, scene] = await Promise.all([startBrowser(), startScene()]);
    const { queue, held } = scene;
    const good = await held.enqueue({ name: "good" });
    await scene.end("good", true);
    const bad = await held.enqueue({ name: "bad" });
    await scene.end("bad", false);
    await Promise.all([held.wait(good), held.wait(bad)]);
    const running = await held.enqueue({ name: "running" });
    while ((await queue.getResult(running))?.status !== "running") await new Promise((go) => setImmediate(go));
    scene.report.progress(4, "row 4");
    for (let line = 1; line <= 130; line++) scene.report.log(`read row ${line}`);
    const pending = await queue.enqueue("task-without-worker", { rows: Array.from({ length: 60 }, (_, row) => row) });
    const cancelled = await queue.enqueue("task-without-worker", null);
    await queue.cancel(cancelled, { by: "ada" });
    screens = {
      overview: "",
      jobs: "/jobs",
      "failed jobs": "/jobs?status=failed",
      "no job matches": "/jobs?task=unknown",
      "a pending job": `/jobs/${pending}`,
      "a running job": `/jobs/${running}`,
      "a completed job": `/jobs/${good}`,
      "a failed job": `/jobs/${bad}`,
      "a cancelled job": `/jobs/${cancelled}`,
      "no such job": "/jobs/01950000-0000-7000-8000-000000000000",
      "why waiting": "/why",
      "why one waits": `/why?job=${pending}`,
    };
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await scene?.close();
  });

  /** Goes to a screen and waits until it has all that it asks for: by a load the first time, then within the page. */
  async function show({ page }: WatchedPage, path: string): Promise<void> {
    if (page.url() === "about:blank") await page.goto(scene.url + path);
    else
      await page.evaluate(
        `history.pushState(null, "", ${JSON.stringify(new URL(scene.url).pathname + (path || "/"))}); dispatchEvent(new PopStateEvent("popstate"))`,
      );
    await page.locator("h1, .empty").first().waitFor();
    await page.locator(".loading, .is-stale").first().waitFor({ state: "detached" });
  }

  test("are without a violation that axe-core finds, in both themes, and without complaints", {
    timeout: 3 * SLOW_MS,
  }, async () => {
    const watched = await scene.open(browser);
    const { page, complaints } = watched;
    const expectNone = async (name: string) => {
      await page.emulateMedia({ colorScheme: "light" });
      expect({ name, violations: await violationsOf(page) }).toEqual({ name, violations: [] });
      // A theme is a set of colours: all else is the same.
      await page.emulateMedia({ colorScheme: "dark" });
      expect({ name, violations: await violationsOf(page, "colours") }).toEqual({ name, violations: [] });
    };
    for (const [name, path] of Object.entries(screens)) {
      await show(watched, path);
      await expectNone(name);
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await expectNone("shortcuts");
    // A job that is not there is answered with 404, and the browser tells of that.
    expect(complaints.filter((each) => !each.includes("status of 404"))).toEqual([]);
  });

  test("fit a phone of 360 pixels, and axe-core finds nothing there either", { timeout: 2 * SLOW_MS }, async () => {
    const watched = await scene.open(browser, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    for (const [name, path] of Object.entries(screens)) {
      await show(watched, path);
      expect({ name, overflow: await overflowOf(watched.page) }).toEqual({ name, overflow: 0 });
      if (name === "jobs" || name === "overview")
        expect({ name, violations: await violationsOf(watched.page) }).toEqual({ name, violations: [] });
    }
  });

  test("show a warning without scrolling, above the charts", async () => {
    const watched = await scene.open(browser, { viewport: { width: 1_280, height: 720 } });
    await show(watched, "");
    const warning = await watched.page.getByText("no live worker has its task").boundingBox();
    const charts = await watched.page.locator(".charts").boundingBox();
    expect(warning?.y).toBeLessThan(charts?.y ?? 0);
    expect(warning?.y).toBeLessThan(720);
  });

  test("leave room for what became of a job at each width, show which status is chosen, and bear a long title", async () => {
    const titled = await startScene({ title: "The background jobs of Example Company Ltd. in production (Frankfurt)" });
    const jobId = await titled.held.enqueue({ name: "north" });
    await titled.end("north", false);
    await titled.held.wait(jobId);
    const { page } = await titled.open(browser, { viewport: { width: 360, height: 600 } });
    await page.goto(`${titled.url}/jobs?status=failed`);
    const detail = page.locator(".job-row .cell-detail");
    await detail.waitFor();
    const isInView = () =>
      page.evaluate<boolean>(`(() => {
        const { left, right } = document.querySelector(".tabs [aria-current]").getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
      })()`);
    await expect.poll(isInView).toBe(true);
    for (const width of [360, 640, 700, 761, 800, 1_024, 1_101, 1_280]) {
      await page.setViewportSize({ width, height: 600 });
      const room = (await detail.boundingBox())?.width ?? 0;
      expect({ width, room, overflow: await overflowOf(page) }).toEqual({
        width,
        room: expect.toSatisfy((pixels: number) => pixels > 120),
        overflow: 0,
      });
    }
    await titled.close();
  });

  test("show both times of a range whole on a phone", async () => {
    const watched = await scene.open(browser, {
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
    });
    await show(watched, "/jobs?from=2026-11-27T10:00:00Z");
    for (const name of ["Created from", "Created to"]) {
      const { width } = (await watched.page.getByLabel(name).boundingBox()) ?? { width: 0 };
      expect(width).toBeGreaterThan(220);
    }
    expect(await overflowOf(watched.page)).toBe(0);
  });

  test("let the keyboard reach all of many workers", async () => {
    const busy = await startScene();
    const health = await busy.queue.health();
    const workers = Array.from({ length: 40 }, (_, n) => ({
      id: `host-${n}`,
      tasks: ["work"],
      slots: 10,
      concurrency: {},
      version: "1.0.0",
    }));
    vi.spyOn(busy.queue, "health").mockResolvedValue({ ...health, workers });
    const { page } = await busy.open(browser);
    await page.goto(busy.url);
    await page.getByText("host-39").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await busy.close();
  });

  test("show the busiest of thousands of tasks, and find the others by name", async () => {
    const busy = await startScene();
    const none = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    const idle = Array.from({ length: 3_000 }, (_, n) => [`tenant-${n}`, { ...none, completed: 9 }] as const);
    const byTask = Object.fromEntries([...idle, ["waits", { ...none, pending: 1 }], ["fails", { ...none, failed: 1 }]]);
    const counts = vi.spyOn(busy.queue, "counts").mockResolvedValue({ byStatus: none, byTask });
    const { page, complaints } = await busy.open(browser, { viewport: { width: 360, height: 740 } });
    await page.goto(busy.url);
    const rows = page.locator(".counts tbody tr");
    await page.getByText("50 of 3,002 tasks: those with the most pending, running or failed jobs").waitFor();
    expect(await rows.count()).toBe(50);
    expect(await rows.filter({ hasText: /waits|fails/ }).count()).toBe(2);
    expect(await overflowOf(page)).toBe(0);
    expect(await violationsOf(page)).toEqual([]);
    await page.keyboard.press("/");
    await page.keyboard.type("Tenant-2999");
    await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining("tenant-2999")]);
    // The name typed stays in its field, even when there are few tasks again.
    counts.mockResolvedValue({ byStatus: none, byTask: { waits: { ...none, pending: 1 } } });
    await page.getByText("No task matches.").waitFor();
    await page.getByRole("searchbox").fill("");
    await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining("waits")]);
    expect(await page.getByRole("searchbox").count()).toBe(0);
    expect(complaints).toEqual([]);
    await busy.close();
  });

  test("follow the system's theme, change it by a click, and keep the choice over a reload", async () => {
    const watched = await scene.open(browser, { colorScheme: "dark" });
    const ground = () => watched.page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
    await show(watched, "");
    const dark = await ground();
    await watched.page.getByRole("button", { name: "Use the light theme" }).click();
    const light = await ground();
    expect(light).not.toBe(dark);
    await watched.page.reload();
    expect(await ground()).toBe(light);
    await watched.page.getByRole("button", { name: "Use the dark theme" }).click();
    expect(await ground()).toBe(dark);
    await watched.page.emulateMedia({ colorScheme: "light" });
    // Back at the system's own, it follows the system again.
    expect(await ground()).toBe(light);
  });

  test("are used by keyboard alone: skip link, shortcuts, rows, a dialog that gives the focus back", async () => {
    const watched = await scene.open(browser);
    const { page, complaints } = watched;
    await show(watched, "");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.locator(".job-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("1 job selected").waitFor();
    const focusedRow = () =>
      page.evaluate(
        "[...document.querySelectorAll('.job-row')].findIndex((row) => row.contains(document.activeElement))",
      );
    expect(await focusedRow()).toBe(1);
    await page.keyboard.press("Enter");
    await page.locator(".job-id").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("main");
    await page.keyboard.press("u");
    await page.locator(".job-row").first().waitFor();
    await page.keyboard.press("j");
    expect(await focusedRow()).toBe(2);
    await page.locator(".job-row input").nth(3).focus();
    await page.keyboard.press("k");
    expect(await focusedRow()).toBe(2);
    await page.keyboard.press("g");
    await page.keyboard.press("w");
    await page.getByText("Waiting longest, by task").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Go to the jobs").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
  });

  test("filter jobs by status, task, time, text and id, and leave the filters in the address", async () => {
    const watched = await scene.open(browser);
    const { page } = watched;
    const rows = page.locator(".job-row");
    await show(watched, "/jobs");
    await expect.poll(() => rows.count()).toBe(5);
    await page.getByRole("link", { name: /^failed/ }).click();
    await expect.poll(() => rows.count()).toBe(1);
    expect(page.url()).toContain("status=failed");
    await page.getByRole("link", { name: "all", exact: true }).click();
    await page.getByLabel("Task").selectOption("task-without-worker");
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByLabel("Task").selectOption("");
    await page.getByLabel("Created").selectOption("1h");
    await expect.poll(() => rows.count()).toBe(5);
    expect(page.url()).toContain("since=1h");
    await page.getByRole("searchbox").fill('"bad"');
    await expect.poll(() => rows.count()).toBe(1);
    // Whoever pauses between two words goes on with the second.
    await page.getByRole("searchbox").fill("row ");
    await page.waitForURL("**search=row");
    await expect.poll(() => rows.count()).toBe(1);
    expect(await page.getByRole("searchbox").inputValue()).toBe("row ");
    const jobId = (await rows.first().getAttribute("data-job")) as string;
    await page.getByRole("searchbox").fill(jobId);
    await page.locator(".job-id", { hasText: jobId }).waitFor();
  });

  test("are on when the stream is refused, by asking; say so when the server is gone, and come back by themselves", async () => {
    const watched = await scene.open(browser);
    const { page } = watched;
    await page.clock.install();
    await page.route("**/api/events", (route) =>
      route.fulfill({ status: 503, json: { error: { code: "no_stream", message: "No stream." } } }),
    );
    await show(watched, "/jobs");
    await page.getByText("Polling").waitFor();
    const late = await scene.queue.enqueue("task-without-worker", "late");
    await page.clock.fastForward(3_000);
    await page.locator(`[data-job="${late}"]`).waitFor();
    await page.route("**/api/**", (route) => route.abort());
    await page.clock.fastForward(3_000);
    await page.getByText("Offline").waitFor();
    // What was there is still shown.
    await page.locator(`[data-job="${late}"]`).waitFor();
    await page.unrouteAll();
    await page.clock.fastForward(15_000);
    await page.getByText(/^(Live|Polling)$/).waitFor();
    await scene.queue.cancel(late);
  });

  test("say what went wrong where nothing could be loaded, try again by a click, and show what comes", async () => {
    const watched = await scene.open(browser);
    const { page } = watched;
    let isAway = true;
    const error = { code: "internal", message: "The store is away." };
    await page.route("**/api/jobs?**", (route) =>
      isAway ? route.fulfill({ status: 500, json: { error } }) : route.continue(),
    );
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("The store is away.").waitFor();
    await Promise.all([page.waitForRequest("**/api/jobs?**"), page.getByRole("button", { name: "Try again" }).click()]);
    isAway = false;
    await page
      .getByRole("button", { name: "Try again" })
      .click({ timeout: 1_000 })
      .catch(() => {});
    await page.locator(".job-row").first().waitFor();
  });

  test("change nothing in read-only mode: no button is there, and the server refuses", async () => {
    const reading = await startScene({ readOnly: true });
    const jobId = await reading.held.enqueue({ name: "north" });
    await reading.end("north", false);
    await reading.held.wait(jobId);
    const { page } = await reading.open(browser);
    await page.goto(`${reading.url}/jobs/${jobId}`);
    await page.getByText("read-only").waitFor();
    await page.locator(".job-id").waitFor();
    expect(await page.getByRole("button", { name: /retry|cancel/i }).count()).toBe(0);
    await page.goto(`${reading.url}/jobs?status=failed`);
    await page.locator(".job-row").waitFor();
    expect(await page.locator("input[type=checkbox], .bulk, .cell-action").count()).toBe(0);
    const refused = await page.evaluate<number>(
      `fetch("/dashboard/api/jobs/${jobId}/retry", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(({ status }) => status)`,
    );
    expect(refused).toBe(403);
    expect((await reading.queue.getResult(jobId))?.status).toBe("failed");
    await reading.close();
  });
});
