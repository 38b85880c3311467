import type { Browser, Page, Route } from "playwright-core";
import { background, JobError } from "rapidai/background";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { SLOW_MS, startBrowser } from "./browser.ts";
import { isWithoutChromium } from "./chromium.ts";
import { type Scene, startScene } from "./scene.ts";

/** Records the times that charts draw on their axes, and whether the edge cuts them. */
async function recordTimes(page: Page): Promise<() => Promise<readonly { time: string; isCut: boolean }[]>> {
  await page.addInitScript(`
    const { fillText } = CanvasRenderingContext2D.prototype;
    window.times = [];
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      const isCut = x + this.measureText(text).width / 2 > this.canvas.width;
      if (/^\\d\\d:\\d\\d/.test(text)) window.times.push({ time: text, isCut });
      return fillText.call(this, text, x, y);
    };`);
  return () => page.evaluate("window.times");
}

describe.skipIf(isWithoutChromium)("the dashboard, in a browser", () => {
  let browser: Browser;
  let scene: Scene;
  beforeAll(async () => {
    browser = await startBrowser();
  }, SLOW_MS);
  afterAll(() => browser.close());
  beforeEach(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.close());

  test("shows a job arrive, run with moving progress, fail, be retried, and be cancelled, without a reload", async () => {
    const { page, complaints } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("No jobs yet.").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();

    const jobId = await scene.held.enqueue({ name: "north" });
    const row = page.locator(`[data-job="${jobId}"]`);
    await row.getByText("running").waitFor();

    await row.getByRole("link").click();
    await page.getByRole("heading", { name: "import-customers" }).waitFor();
    const bar = page.getByRole("progressbar");
    const seen: number[] = [];
    for (const done of [1, 4, 9]) {
      scene.report.progress(done, `row ${done}`);
      scene.report.log(`read row ${done}`);
      await page.getByText(`row ${done}`, { exact: true }).waitFor();
      seen.push(await bar.evaluate((element) => (element as unknown as { value: number }).value));
    }
    expect(seen).toEqual([0.1, 0.4, 0.9]);
    // 100 times 0.29 is less than 29.
    scene.report.progress(2.9, "row 2.9");
    await page.getByText("29 %").waitFor();
    await page.getByText("read row 9").waitFor();

    await scene.end("north", false);
    const head = page.locator(".job-head");
    await head.getByText("failed").waitFor();
    await page.getByText("the file has no rows").first().waitFor();

    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry 1 job" }).click();
    await head.getByText("running").waitFor();
    await page.getByText("Attempt 2").waitFor();

    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel 1 job" }).click();
    await head.getByText("cancelled", { exact: true }).waitFor();
    expect((await scene.queue.getResult(jobId))?.status).toBe("cancelled");

    await page.goto(scene.url);
    await page.getByRole("link", { name: "cancelled 1" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("does not say that a running job was done when its task's usual time is over", async () => {
    const first = await scene.held.enqueue({ name: "north" });
    await scene.end("north", true);
    await scene.held.wait(first);
    const jobId = await scene.held.enqueue({ name: "south" });
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.getByText("any moment, unless it takes longer than usual").waitFor();
  });

  test("explains a due job where the oldest of its task is only delayed, and says which", async () => {
    await scene.queue.enqueue("remind", null, { delay: "7d" });
    const due = await scene.queue.enqueue("remind");
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/why`);
    await page.getByText("a newer one").waitFor();
    await page.getByText("does not have the task 'remind'").waitFor();
    await page.getByRole("link", { name: due.slice(-12) }).waitFor();
  });

  test("shows each log line once, whether an answer or the stream had it first", async () => {
    const jobId = await scene.held.enqueue({ name: "north" });
    await expect.poll(async () => (await scene.queue.getResult(jobId))?.status).toBe("running");
    scene.report.log("line 1");
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.getByText("Live", { exact: true }).waitFor();
    const log = page.getByLabel("the log", { exact: true });
    await log.getByText("line 1").waitFor();
    // As if it had been logged since the stream looked last.
    await page.route(`**/api/jobs/${jobId}`, async (route) => {
      const response = await route.fetch();
      const job = (await response.json()) as { readonly logs: readonly string[] };
      await route.fulfill({ response, json: { ...job, logs: ["line 1", "line 2"] } });
    });
    const answered = page.waitForResponse(`**/api/jobs/${jobId}`);
    await page.clock.fastForward(61_000);
    await (await answered).finished();
    for (const line of ["line 2", "line 3"]) {
      scene.report.log(line);
      await log.getByText(line).first().waitFor();
    }
    expect(await log.textContent()).toBe("line 1\nline 2\nline 3\n");
  });

  test("retries and cancels many at once, after asking: those that are selected, and all that match", async () => {
    const { queue, held } = scene;
    const ids = await held.enqueueMany([{ name: "a" }, { name: "b" }, { name: "c" }]);
    for (const name of ["a", "b", "c"]) await scene.end(name, false);
    await Promise.all(ids.map((id) => held.wait(id)));
    const waiting = await queue.enqueueMany("task-without-worker", [1, 2, 3, 4]);
    const statusOf = async (id: string | undefined) => (await queue.getResult(id as string))?.status;

    const { page, complaints } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    for (const id of [ids[0], waiting[0], waiting[1]]) await page.getByLabel(`Select job ${id}`).check();
    const bar = page.getByLabel("Bulk actions");
    const dialog = page.getByRole("dialog");
    // Only those that can be.
    await bar.getByRole("button", { name: "Cancel 2" }).click();
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await statusOf(waiting[0])).toBe("pending");
    await bar.getByText("3 jobs selected").waitFor();
    await bar.getByRole("button", { name: "Cancel 2" }).click();
    await dialog.getByRole("button", { name: "Cancel 2 jobs" }).click();
    await bar.getByText("2 jobs cancelled.").waitFor();
    await bar.getByText("1 job selected").waitFor();
    expect(await Promise.all(waiting.map(statusOf))).toEqual(["cancelled", "cancelled", "pending", "pending"]);

    await page
      .getByRole("navigation", { name: "Status" })
      .getByRole("link", { name: /^failed/ })
      .click();
    await page.getByLabel("Task").selectOption("import-customers");
    await bar.getByRole("button", { name: "Retry all that match" }).click();
    await dialog.getByText("import-customers").waitFor();
    await dialog.getByRole("button", { name: "Retry all" }).click();
    await page.getByText("No job matches.").waitFor();
    await expect.poll(() => Promise.all(ids.map(statusOf))).toEqual(["running", "running", "running"]);
    expect(complaints).toEqual([]);
  });

  test("passes over one of many that retention removes before it is retried", async () => {
    const { queue, held } = scene;
    const ids = await held.enqueueMany([{ name: "a" }, { name: "b" }]);
    for (const name of ["a", "b"]) await scene.end(name, false);
    await expect.poll(async () => (await queue.counts()).byStatus.failed).toBe(2);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    for (const id of ids) await page.getByLabel(`Select job ${id}`).check();
    await page.getByLabel("Bulk actions").getByRole("button", { name: "Retry 2" }).click();
    expect(await queue.prune({ count: 1 })).toBe(1);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Retry 2 jobs" }).click();
    await dialog.waitFor({ state: "detached", timeout: 10_000 });
    await expect.poll(async () => (await queue.listJobs()).map(({ status }) => status)).toEqual(["running"]);
  });

  test("begins none of many any more once one fails, says how far it came, and in the end how many it changed", async () => {
    const { queue } = scene;
    const ids = await queue.enqueueMany(
      "task-without-worker",
      Array.from({ length: 30 }, (_, n) => n),
    );
    const cancelled = async () => (await queue.counts()).byStatus.cancelled;
    const { page } = await scene.open(browser);
    let requests = 0;
    const error = { code: "internal", message: "Something went wrong here." };
    await page.route("**/api/jobs/*/cancel", (route) =>
      ++requests === 3 ? route.fulfill({ status: 500, json: { error } }) : route.continue(),
    );
    await page.goto(`${scene.url}/jobs`);
    await page.getByLabel("Select all of this page").check();
    const bar = page.getByLabel("Bulk actions");
    await bar.getByRole("button", { name: "Cancel 30" }).click();
    const dialog = page.getByRole("dialog");
    const alert = dialog.getByRole("alert");
    await dialog.getByRole("button", { name: "Cancel 30 jobs" }).click();
    await alert.waitFor();
    // None is under way any more that would not be counted.
    const changed = await cancelled();
    expect(requests).toBe(changed + 1);
    expect(await alert.textContent()).toBe(`${changed} of 30 cancelled, and then: Something went wrong here.`);
    await page.unroute("**/api/jobs/*/cancel");
    await dialog.getByRole("button", { name: "Cancel 30 jobs" }).click();
    await bar.getByText(`${30 - changed} of 30 jobs cancelled: the others had changed meanwhile.`).waitFor();
    expect(await cancelled()).toBe(ids.length);
  });

  test("asks about one job by its name, about many by their number, and says what was done", async () => {
    const jobId = (await scene.queue.enqueueMany("task-without-worker", [1, 2, 3]))[1] as string;
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs?status=pending`);
    const bar = page.getByLabel("Bulk actions");
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: `Cancel job ${jobId}` }).click();
    await dialog.getByText("task-without-worker").waitFor();
    await dialog.getByText(jobId).waitFor();
    await dialog.getByText("It becomes cancelled.").waitFor();
    await dialog.getByRole("button", { name: "Cancel 1 job" }).click();
    await bar.getByText("1 job cancelled.").waitFor();
    await page.locator(`[data-job="${jobId}"]`).waitFor({ state: "detached" });
    await bar.getByRole("button", { name: "Cancel all that match" }).click();
    await dialog.getByText("2 now").waitFor();
    await dialog.getByRole("button", { name: "Cancel all" }).click();
    await bar.getByText("2 jobs cancelled.").waitFor();
  });

  test("says of all that match how many there are, also when some of them change while it asks", async () => {
    const [first] = await scene.queue.enqueueMany("task-without-worker", [1, 2, 3]);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs?status=pending`);
    await page.getByLabel("Bulk actions").getByRole("button", { name: "Cancel all that match" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("3 now").waitFor();
    await scene.queue.cancel(first as string);
    await dialog.getByText("2 now").waitFor();
  });

  test("keeps jobs selected that newer ones move to an older page", async () => {
    const { queue } = scene;
    const ids = await queue.enqueueMany(
      "task-without-worker",
      Array.from({ length: 50 }, (_, n) => n),
    );
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    await page.getByLabel(`Select job ${ids[0]}`).check();
    await page.getByLabel(`Select job ${ids[49]}`).check();
    await queue.enqueue("task-without-worker", "late");
    await page.locator(`[data-job="${ids[0]}"]`).waitFor({ state: "detached" });
    await page.getByLabel("Bulk actions").getByText("2 jobs selected").waitFor();
    await page.getByLabel("Bulk actions").getByRole("button", { name: "Cancel 2" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel 2 jobs" }).click();
    await expect.poll(async () => (await queue.getResult(ids[0] as string))?.status).toBe("cancelled");
  });

  /** The page of 150 pending jobs, whose server asks to go more slowly where `isTooFast` says so of a request's number, from 1. */
  const slowed = async (isTooFast: (request: number) => boolean) => {
    const payloads = Array.from({ length: 150 }, (_, n) => n);
    await scene.queue.enqueueMany("task-without-worker", payloads);
    const { page } = await scene.open(browser);
    const sent = { requests: 0 };
    const error = { code: "too_many_requests", message: "Too many requests: try again in 1 s." };
    await page.route("**/cancel", (route) =>
      isTooFast(++sent.requests) ? route.fulfill({ status: 429, json: { error } }) : route.continue(),
    );
    await page.goto(`${scene.url}/jobs?status=pending`);
    return { page, bar: page.getByLabel("Bulk actions"), dialog: page.getByRole("dialog"), sent };
  };

  test("goes on with many more slowly where the server asks for that", async () => {
    const { queue } = scene;
    const { page, bar, dialog } = await slowed((request) => request % 2 === 0);
    for (const jobId of (await queue.listJobs({ limit: 2 })).map((job) => job.jobId)) {
      await page.getByLabel(`Select job ${jobId}`).check();
    }
    await bar.getByRole("button", { name: "Cancel 2" }).click();
    await dialog.getByRole("button", { name: "Cancel 2 jobs" }).click();
    await bar.getByText("2 jobs cancelled.").waitFor();
    await bar.getByRole("button", { name: "Cancel all that match" }).click();
    await dialog.getByRole("button", { name: "Cancel all" }).click();
    await bar.getByText("148 jobs cancelled.").waitFor();
    expect((await queue.counts()).byStatus.pending).toBe(0);
  });

  test("says how many it changed where it is stopped while the server asks to go more slowly", async () => {
    const { page, bar, dialog, sent } = await slowed((request) => request > 1);
    await bar.getByRole("button", { name: "Cancel all that match" }).click();
    await dialog.getByRole("button", { name: "Cancel all" }).click();
    await expect.poll(() => sent.requests).toBeGreaterThan(1);
    await dialog.getByRole("button", { name: "Stop" }).click();
    await bar.getByText("100 jobs cancelled.").waitFor();

    await page.getByLabel("Select all of this page").check();
    sent.requests = 0;
    await bar.getByRole("button", { name: "Cancel 50" }).click();
    await dialog.getByRole("button", { name: "Cancel 50 jobs" }).click();
    await expect.poll(() => sent.requests).toBeGreaterThan(6);
    await dialog.getByRole("button", { name: "Stop" }).click();
    await bar.getByText("1 job cancelled.").waitFor();
    await bar.getByText("49 jobs selected").waitFor();
    expect((await scene.queue.counts()).byStatus.pending).toBe(49);
  });

  test("lists no limit of attempts for a job that was retried by hand beyond it, and shows the new one on the job's page", async () => {
    const { held } = scene;
    const jobId = await held.enqueue({ name: "north" });
    await scene.end("north", false);
    await expect.poll(async () => (await held.getResult(jobId))?.status).toBe("failed");
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    const attempts = page.locator(".job-row .cell-attempts");
    await attempts.waitFor();
    expect(await attempts.textContent()).toBe("1/1");
    await held.queue.retry(jobId);
    await page.locator(".job-row").getByText("running").waitFor();
    expect(await attempts.textContent()).toBe("2");
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.getByText("2 of at most 2").waitFor();
  });

  test("asks before a retry, gives up one that is never answered and says that it may be done, and takes two clicks for one", async () => {
    const { held } = scene;
    const jobId = await held.enqueue({ name: "north" });
    await scene.end("north", false);
    await expect.poll(async () => (await held.getResult(jobId))?.status).toBe("failed");
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(`${scene.url}/jobs/${jobId}`);
    const unanswered: Route[] = [];
    await page.route("**/retry", (route) => void unanswered.push(route));
    const head = page.locator(".job-head");
    const dialog = page.getByRole("dialog");
    await head.getByRole("button", { name: "Retry" }).waitFor();
    await page.keyboard.press("r");
    await dialog.getByText("becomes pending again").waitFor();
    expect(unanswered).toHaveLength(0);
    await dialog.getByRole("button", { name: "Retry 1 job" }).dblclick();
    await expect.poll(() => unanswered.length).toBe(1);
    await page.clock.fastForward(31_000);
    await dialog.getByText("It may have done it all the same").waitFor();
    expect(unanswered).toHaveLength(1);
    await page.unroute("**/retry");
    await held.queue.retry(jobId);
    await dialog.getByRole("button", { name: "Retry 1 job" }).click();
    await dialog.waitFor({ state: "detached" });
    await head.getByText("running").waitFor();
    expect(await head.getByRole("alert").count()).toBe(0);
  });

  test("moves the focus back to where it was when a dialog is closed by its buttons", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    const cancel = page.getByRole("button", { name: `Cancel job ${jobId}` });
    const dialog = page.getByRole("dialog");
    for (const [open, close] of [
      ["Enter", "Leave it"],
      ["?", "Close"],
    ] as const) {
      await cancel.press(open);
      await dialog.getByRole("button", { name: close }).press("Enter");
      await dialog.waitFor({ state: "detached" });
      expect(await cancel.evaluate((button) => button.matches(":focus"))).toBe(true);
    }
  });

  test("says that a filter is not answered, and does not pass the rows before for its answer", async () => {
    await scene.queue.enqueueMany("task-without-worker", [1, 2]);
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(`${scene.url}/jobs`);
    await page.locator(".job-row").nth(1).waitFor();
    const away = (url: URL) => url.pathname.includes("/api/");
    await page.route(away, (route) => route.abort());
    await page
      .getByRole("navigation", { name: "Status" })
      .getByRole("link", { name: /^failed/ })
      .click();
    await page.getByText("The server cannot be reached.").waitFor();
    expect(await page.locator(".job-row").count()).toBe(0);
    await page.unroute(away);
    await page.clock.fastForward(4_000);
    await page.getByText("No job matches.").waitFor();
  });

  test("says that the server is gone also where a request is never answered, and goes on when one is", async () => {
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("Live", { exact: true }).waitFor();
    const api = (url: URL) => url.pathname.includes("/api/");
    const unanswered: Route[] = [];
    await page.route(api, (route) => void unanswered.push(route));
    // The stream that was there may be as dead as the requests are: there is another by the time that one is answered.
    const streamed = page.waitForRequest("**/api/events");
    await expect
      .poll(async () => {
        await page.clock.fastForward(31_000);
        // A request from before may be late by then as well.
        return unanswered.length > 0 && (await page.getByText("Offline").isVisible());
      })
      .toBe(true);
    const late = await scene.queue.enqueue("task-without-worker", "late");
    await page.unroute(api);
    // Those that the page has given up cannot go on any more.
    for (const route of unanswered) await route.continue().catch(() => {});
    await page.locator(`[data-job="${late}"]`).waitFor();
    await streamed;
    await page.getByText("Live", { exact: true }).waitFor();
  });

  test("does not begin its stream over and over where one kind of request fails and others are answered", async () => {
    const { page } = await scene.open(browser);
    let streams = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/api/events")) streams += 1;
    });
    await page.clock.install();
    await page.route("**/api/stats*", (route) => route.abort());
    await page.goto(scene.url);
    const now = () => page.evaluate(() => Date.now());
    const beganAt = await now();
    for (let round = 0; round < 4; round++) {
      const failed = page.waitForEvent("requestfailed", (request) => request.url().includes("/api/stats"));
      const answered = page.waitForResponse("**/api/counts");
      await page.clock.fastForward(3_000);
      await Promise.all([failed, answered]);
    }
    await page.getByText("Live", { exact: true }).waitFor();
    // Once, and again when it may have died: after fifteen seconds.
    expect(streams).toBeLessThanOrEqual(1 + ((await now()) - beganAt) / 15_000);
  });

  test("says so where something in between answers in the API's place, and goes on when that is over", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page, complaints } = await scene.open(browser);
    await page.clock.install();
    const api = (url: URL) => url.pathname.includes("/api/");
    await page.route(api, (route) => route.fulfill({ contentType: "text/html", body: "<h1>Sign in</h1>" }));
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("Something else than the dashboard's server has answered").waitFor();
    await page.unroute(api);
    await page.clock.fastForward(4_000);
    await page.locator(`[data-job="${jobId}"]`).waitFor();
    // But for that of the stream, which is of no use.
    expect(complaints.filter((each) => !each.includes("EventSource"))).toEqual([]);
  });

  test("asks to sign in, and is not offline, where a proxy leads to a place elsewhere to do so", async () => {
    const { page } = await scene.open(browser);
    await page.route("**/api/**", (route) =>
      route.fulfill({ status: 302, headers: { location: "https://login.example.com/authorize" } }),
    );
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("maybe you have to sign in again").waitFor();
    await page.getByText("Polling").waitFor();
  });

  test("does not say that no worker lives where the backend, which knows, is not healthy", async () => {
    const health = await scene.queue.health();
    const spy = vi.spyOn(scene.queue, "health");
    spy.mockResolvedValue({ ...health, isHealthy: false, error: "down", workers: [] });
    const { page } = await scene.open(browser);
    await page.goto(scene.url);
    await page.getByText("The backend is not healthy.").waitFor();
    const shown = page.getByRole("region", { name: "Workers", exact: true });
    await shown.getByText("Unknown.").waitFor();
    // Some faults leave them known.
    const workers = [{ id: "one", tasks: [], slots: 4, concurrency: {}, version: "1.0.0" }];
    spy.mockResolvedValue({ ...health, isHealthy: false, error: "damaged", workers });
    await page.reload();
    await shown.getByText("1 worker, 4 slots").waitFor();
  });

  test("says no longer that the queue is away once it is back, also of a job whose stream tells all that changes", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.getByText("Live", { exact: true }).waitFor();
    const details = vi.spyOn(scene.queue, "getDetails");
    details.mockRejectedValue(new JobError("queue_unavailable", "Nobody is there."));
    const away = page.getByText("The queue cannot be reached now.");
    await away.waitFor();
    details.mockRestore();
    // A job whose stream goes on is asked for once a minute otherwise.
    await away.waitFor({ state: "detached" });
  });

  test("shows a job that retention removes meanwhile as it was, and says that it is gone", async () => {
    const { queue, held } = scene;
    const jobId = await held.enqueue({ name: "north" });
    await scene.end("north", false);
    await expect.poll(async () => (await queue.getResult(jobId))?.status).toBe("failed");
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.getByRole("button", { name: "Retry" }).waitFor();
    await queue.prune({ count: 0 });
    await page.getByText("is not kept any more").waitFor();
    await page.getByText("the file has no rows").first().waitFor();
    expect(await page.getByRole("button", { name: "Retry" }).count()).toBe(0);
  });

  test("names the time at which a job starts by the browser's time zone in its explanation too", async () => {
    const runAt = new Date("2100-01-01T00:00:00Z");
    const jobId = await scene.queue.enqueue("task-without-worker", 1, { runAt });
    const { page } = await scene.open(browser, { timezoneId: "Asia/Kolkata" });
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await page.locator(".facts").getByText("2100-01-01 05:30:00").waitFor();
    await page.locator(".causes").getByText("from now, at 2100-01-01 05:30:00.").waitFor();
    await page.goto(`${scene.url}/why`);
    await page.locator(".waiting").getByText("from now, at 2100-01-01 05:30:00.").waitFor();
  });

  test("asks for no payload where it tells why a job waits", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", "x".repeat(100_000));
    const { page } = await scene.open(browser);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${scene.url}/why?job=${jobId}`);
    const one = page.locator(".card.is-why");
    await one.getByText("pending", { exact: true }).waitFor();
    await scene.queue.cancel(jobId);
    await one.getByText("cancelled", { exact: true }).waitFor();
    expect(asked.filter((path) => path.endsWith(`/${jobId}`))).toEqual([]);
  });

  test("draws charts of what there is, from the first point on, and of no day around it", async () => {
    const { page } = await scene.open(browser);
    const times = await recordTimes(page);
    const begun = Date.now();
    await page.goto(scene.url);
    await expect.poll(times).not.toEqual([]);
    for (const { time } of await times()) {
      const at = new Date(begun);
      const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
      at.setHours(hours, minutes, seconds, 0);
      // Around midnight it is of the day before.
      const agoMs = (Date.now() - at.getTime() + 86_400_000) % 86_400_000;
      expect({ time, agoMs }).toEqual({ time, agoMs: expect.toSatisfy((ms: number) => ms < 180_000) });
    }
  });

  test("finds the job whose waiting is asked about also by the part of its id that lists show", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/why`);
    const explain = async (text: string) => {
      await page.getByLabel("Job id", { exact: true }).fill(text);
      await page.getByRole("button", { name: "Explain" }).click();
    };
    await explain(` ${jobId.toUpperCase()} `);
    await page.locator(".card.is-why").getByText("pending", { exact: true }).waitFor();
    await explain(jobId.slice(-12));
    await page.locator(`[data-job="${jobId}"]`).waitFor();
  });

  test("says how many more tasks wait than it explains", async () => {
    for (let task = 1; task <= 22; task++) await scene.queue.enqueue(`waits-${task}`, task);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/why`);
    await page.getByText("and 2 more tasks with pending jobs").waitFor();
  });

  test("looks every three seconds for the jobs that wait longest, and not with each change of a busy queue", async () => {
    await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/why`);
    await page.getByText("1 pending job").waitFor();
    let looks = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/api/waiting")) looks += 1;
    });
    await page.evaluate(`new Promise((resolve) => {
      window.changes = new EventSource("/dashboard/api/events");
      window.changes.addEventListener("snapshot", resolve);
    })`);
    const beganAt = Date.now();
    for (let change = 0; change < 8; change++) {
      await page.evaluate(
        "void (window.changed = new Promise((go) => { window.changes.addEventListener('counts', go); }))",
      );
      await scene.queue.enqueue("other", change);
      await page.evaluate("window.changed.then(() => 1)");
    }
    expect(looks).toBeLessThanOrEqual(2 + (Date.now() - beganAt) / 3_000);
    await page.getByText("8 pending jobs").waitFor();
  });

  test("calls no values those of now that were the last ones before the backend was away", async () => {
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(scene.url);
    const chart = page.getByRole("figure").first();
    await chart.getByText("now", { exact: true }).waitFor();
    await page.route("**/api/**", (route) => route.abort());
    await page.clock.fastForward(15_000);
    await chart.getByText(/^\d\d:\d\d:\d\d$/).waitFor();
  });

  test("tells of all jobs that finished how many failed", async () => {
    const byStatus = { pending: 0, running: 0, completed: 90, failed: 10, cancelled: 0 };
    const rest = { byStatus, byTask: {}, throughput: 50, failures: 5, runMs: null, waitMs: null };
    const { page } = await scene.open(browser);
    const points = [{ at: new Date().toISOString(), ...rest }];
    await page.route("**/api/stats*", (route) => route.fulfill({ json: { everyMs: 2_000, points } }));
    await page.goto(scene.url);
    const chart = page.locator("figure", { has: page.getByRole("heading", { name: "Throughput" }) });
    await chart.getByText("finished 50/s").waitFor();
    await chart.getByText("failed 5/s").waitFor();
  });

  test("draws no time that the edge of a chart would cut", async () => {
    const { page } = await scene.open(browser);
    const times = await recordTimes(page);
    const byStatus = { pending: 10, running: 0, completed: 0, failed: 0, cancelled: 0 };
    const point = { byStatus, byTask: {}, throughput: null, failures: null, runMs: null, waitMs: null };
    // A full minute, which the axis marks, is the last point in time.
    const at = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString();
    await page.route("**/api/stats*", (route) =>
      route.fulfill({ json: { everyMs: 2_000, points: [{ at, ...point }] } }),
    );
    await page.goto(scene.url);
    await expect.poll(times).not.toEqual([]);
    expect((await times()).filter(({ isCut }) => isCut)).toEqual([]);
  });

  test("leaves a gap in the charts where nobody looked, and draws no line from then to now", async () => {
    const byStatus = { pending: 10, running: 0, completed: 0, failed: 0, cancelled: 0 };
    const rest = { byStatus, byTask: {}, throughput: null, failures: null, runMs: null, waitMs: null };
    const begun = Date.now() - 15 * 60_000;
    const from = (ms: number) =>
      Array.from({ length: 150 }, (_, n) => ({ at: new Date(begun + ms + n * 2_000).toISOString(), ...rest }));
    const { page } = await scene.open(browser);
    const points = [...from(0), ...from(10 * 60_000)];
    await page.route("**/api/stats*", (route) => route.fulfill({ json: { everyMs: 2_000, points } }));
    await page.goto(scene.url);
    // Whether there is any colour at these shares of the backlog's width; all but the lines is gray.
    const isDrawn = () =>
      page.evaluate<boolean[]>(`[0.3, 0.5, 0.7, 0.95].map((share) => {
        const canvas = document.querySelectorAll(".chart canvas")[1];
        const { data } = canvas.getContext("2d").getImageData(Math.round(canvas.width * share), 0, 1, canvas.height);
        return Array.from({ length: data.length / 4 }, (_, y) => data[4 * y] - data[4 * y + 2]).some((warm) => warm > 40);
      })`);
    await page.locator(".chart canvas").nth(1).waitFor();
    await expect.poll(isDrawn).toEqual([true, false, false, true]);
  });

  test("looks as far back as the address says, and at any time where it says nothing sensible", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page, complaints } = await scene.open(browser);
    for (const since of ["1h", "constructor", "__proto__", "soon"]) {
      await page.goto(`${scene.url}/jobs?since=${since}`);
      await page.locator(`[data-job="${jobId}"]`).waitFor();
    }
    expect(complaints).toEqual([]);
  });

  test("looks as far back from now however long it is open, and changes no other jobs than that", async () => {
    await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.clock.install();
    const asked: string[] = [];
    await page.route(
      (url) => url.pathname.includes("/api/") && !url.pathname.endsWith("/events"),
      async (route) => {
        const { from } = route.request().postDataJSON() ?? {};
        asked.push(from ?? new URL(route.request().url()).searchParams.get("from") ?? "");
        const response = await route.fetch();
        const { date: _, ...headers } = response.headers();
        // Else the page would hold its own clock for wrong.
        await route.fulfill({ response, headers });
      },
    );
    const latest = () => Date.parse(asked.filter((from) => from !== "").at(-1) ?? "");
    await page.goto(`${scene.url}/jobs?status=pending&since=15m`);
    await page.locator(".job-row").waitFor();
    const began = latest();
    await page.clock.fastForward("20:00");
    await page.getByText("No job matches.").waitFor();
    expect(latest() - began).toBeGreaterThanOrEqual(20 * 60_000);
    await page.getByRole("button", { name: "Cancel all that match" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel all" }).click();
    await page.getByText("0 jobs cancelled.").waitFor();
    expect((await scene.queue.counts()).byStatus.pending).toBe(1);
    // The server ends before the page does.
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("looks as far back from the server's now where this machine's clock is wrong", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.clock.install({ time: Date.now() + 5 * 3_600_000 });
    await page.goto(`${scene.url}/jobs?since=1h`);
    await page.locator(`[data-job="${jobId}"]`).waitFor();
  });

  test("loads a list no more often where the clocks of its servers differ", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    await page.clock.install();
    let lists = 0;
    await page.route("**/api/jobs?*", async (route) => {
      const response = await route.fetch();
      const date = new Date(Date.now() + (lists++ % 2) * 600_000).toUTCString();
      await route.fulfill({ response, headers: { ...response.headers(), date } });
    });
    await page.goto(`${scene.url}/jobs?since=1h`);
    await page.locator(`[data-job="${jobId}"]`).waitFor();
    for (let second = 0; second < 8; second++) {
      await page.clock.runFor(1_000);
      await page.evaluate((url) => fetch(url).then((response) => response.text()), `${scene.url}/api/counts`);
    }
    // The first, one by the server's clock, one for the stream's snapshot, and every three seconds without a stream.
    expect(lists).toBeLessThanOrEqual(6);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("has a time that somebody chose in the address for readers in all time zones, and shows that it is one", async () => {
    await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser, { timezoneId: "Asia/Tokyo" });
    await page.goto(`${scene.url}/jobs`);
    const created = page.getByLabel("Created", { exact: true });
    await created.selectOption("custom");
    await page.getByLabel("Created to").fill("2026-01-31T08:30");
    await page.getByText("No job matches.").waitFor();
    const address = page.url();
    const other = await scene.open(browser, { timezoneId: "America/New_York" });
    const asked = other.page.waitForRequest("**/api/jobs?**");
    await other.page.goto(address);
    expect(new URL((await asked).url()).searchParams.get("to")).toBe("2026-01-30T23:30:00.000Z");
    expect(await other.page.getByLabel("Created to").inputValue()).toBe("2026-01-30T18:30");
    await created.selectOption("1h");
    await page.locator(".job-row").waitFor();
    await page.goBack();
    await page.getByText("No job matches.").waitFor();
    expect(await created.inputValue()).toBe("custom");
    const field = page.getByLabel("Created to");
    expect(await field.inputValue()).toBe("2026-01-31T08:30");
    // By keyboard a year begins as the year 2.
    await field.focus();
    for (const key of ["Tab", "Tab", "2"]) await page.keyboard.press(key);
    await page.waitForURL(/to=0002-/);
    for (const key of ["0", "2", "5"]) await page.keyboard.press(key);
    await page.waitForURL(/to=2025-01-30T23%3A30/);
  });

  test("turns pages, older and newer, while new jobs come", async () => {
    const ids = await scene.queue.enqueueMany(
      "task-without-worker",
      Array.from({ length: 120 }, (_, n) => n),
    );
    const newest = ids.toReversed();
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    const shown = () => page.locator(".job-row").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-job")));
    await expect.poll(shown).toEqual(newest.slice(0, 50));
    await page.getByRole("button", { name: "Older" }).click();
    await expect.poll(shown).toEqual(newest.slice(50, 100));
    const late = await scene.queue.enqueue("task-without-worker", "late");
    await page.keyboard.press("n");
    await expect.poll(shown).toEqual(newest.slice(100));
    expect(await page.getByRole("button", { name: "Older" }).isDisabled()).toBe(true);
    await page.keyboard.press("p");
    await expect.poll(shown).toEqual(newest.slice(50, 100));
    await page.getByRole("button", { name: "Newer" }).click();
    await expect.poll(shown).toEqual([late, ...newest.slice(0, 49)]);
  });

  test("leads back from a job to the list as it was: with its filters, and where somebody was in it", async () => {
    await scene.queue.enqueueMany(
      "task-without-worker",
      Array.from({ length: 60 }, (_, n) => n),
    );
    const { page } = await scene.open(browser, { viewport: { width: 1_200, height: 600 } });
    const place = () => page.evaluate<number>("scrollY");
    await page.goto(`${scene.url}/jobs?status=pending`);
    // In the middle of what is seen then, where no bar lies over it.
    const row = page.locator(".job-row .task").nth(30);
    await row.waitFor();
    await page.evaluate("scrollTo(0, 1_000)");
    await row.click();
    await page.locator(".job-id").waitFor();
    await page.goBack();
    await expect.poll(place).toBe(1_000);
    await row.click();
    await page.locator(".job-id").waitFor();
    await page.keyboard.press("u");
    await page.waitForURL("**/jobs?status=pending");
    await row.waitFor();
  });

  test("goes to no older page before it knows which one, and finds back", async () => {
    await scene.queue.enqueueMany("task-without-worker", Array.from({ length: 101 }));
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    const rows = page.locator(".job-row");
    await expect.poll(() => rows.count()).toBe(50);
    const first = (await rows.first().getAttribute("data-job")) as string;
    const gate = Promise.withResolvers<void>();
    await page.route("**/api/jobs?*before=*", (route) => gate.promise.then(() => route.continue()));
    await page.keyboard.press("n");
    await page.locator(".is-stale").waitFor();
    await page.keyboard.press("n");
    gate.resolve();
    await page.locator(`[data-job="${first}"]`).waitFor({ state: "detached" });
    await page.keyboard.press("p");
    await page.locator(`[data-job="${first}"]`).waitFor();
  });

  test("does not say that no job matches before a search has come to the end", async () => {
    const limited = await startScene({ limits: { searched: 2 } });
    onTestFinished(() => limited.close());
    await limited.queue.enqueueMany("task-without-worker", ["first", "second", "third"]);
    const { page } = await limited.open(browser);
    await page.goto(`${limited.url}/jobs?search=nothing`);
    await page.getByText("No job matches so far.").waitFor();
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("No job matches.").waitFor();
  });

  test("says of no search that it has reached its limit where large jobs alone have ended a page", async () => {
    const large = background({ queue: scene.queue, name: "large" }, async (_: unknown) => "x".repeat(900_000));
    const ids = await large.enqueueMany(Array.from({ length: 6 }, () => null));
    await Promise.all(ids.map((id) => large.wait(id)));
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs`);
    await page.locator(".job-row").first().waitFor();
    expect(await page.locator(".job-row").count()).toBe(5);
    expect(await page.locator(".warning").count()).toBe(0);
    await page.getByRole("button", { name: "Older" }).click();
    await page.locator(`[data-job="${ids[0]}"]`).waitFor();
  });

  test("asks for nothing in a tab that nobody looks at, and goes on when somebody does", async () => {
    const { page } = await scene.open(browser);
    await page.clock.install();
    await page.goto(`${scene.url}/jobs`);
    await page.getByText("Live", { exact: true }).waitFor();
    const look = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`,
      );
    await look(true);
    await page.getByText("Paused").waitFor();
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    const late = await scene.queue.enqueue("task-without-worker", "late");
    await page.clock.fastForward(60_000);
    await page.clock.fastForward(60_000);
    expect(requests).toEqual([]);
    await look(false);
    await page.locator(`[data-job="${late}"]`).waitFor();
    expect(requests.filter((url) => url.endsWith("/api/events"))).toHaveLength(1);
  });

  test("hardly asks any more once who looks is signed out, for each time is taken for a guess, and goes on when somebody is in", async () => {
    let isIn = true;
    let refused = 0;
    const auth = () => {
      if (isIn) return { role: "write" as const, name: "ada" };
      refused++;
      return null;
    };
    const other = await startScene({ auth });
    try {
      const { page } = await other.open(browser);
      await page.clock.install();
      await page.goto(`${other.url}/jobs`);
      await page.getByText("Live", { exact: true }).waitFor();
      isIn = false;
      // Its stream goes on, and tells of this.
      await other.held.enqueue({ name: "north" });
      for (let seconds = 0; seconds < 120; seconds++) await page.clock.runFor(1_000);
      await expect.poll(() => refused).toBeGreaterThan(0);
      expect(refused).toBeLessThan(12);
      await page.getByText("no valid credentials. Sign in, then reload the page.").first().waitFor();
      isIn = true;
      await page.clock.runFor(61_000);
      await page.getByText("running").first().waitFor();
    } finally {
      await other.close();
    }
  });

  test("shows what is left of jobs of which a hook shows hardly anything", async () => {
    const other = await startScene({ redact: ({ jobId, task, status }) => ({ jobId, task, status }) });
    try {
      const running = await other.held.enqueue({ name: "north" });
      const failed = await other.held.enqueue({ name: "south" });
      await other.end("south", false);
      const pending = await other.queue.enqueue("task-without-worker", 1);
      await expect.poll(async () => (await other.queue.getResult(failed))?.status).toBe("failed");
      const { page, complaints } = await other.open(browser);
      await page.goto(`${other.url}/jobs`);
      for (const [jobId, status] of Object.entries({
        [running]: "running",
        [failed]: "failed",
        [pending]: "pending",
      })) {
        await page.locator(`[data-job="${jobId}"]`).getByText(status, { exact: true }).waitFor();
      }
      expect(await page.locator("main").textContent()).not.toContain("NaN");
      for (const jobId of [running, failed, pending]) {
        await page.goto(`${other.url}/jobs/${jobId}`);
        await page.getByText("It has logged nothing.").waitFor();
        expect(await page.locator("main").textContent()).not.toContain("NaN");
      }
      expect(complaints).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("has no button for copying where the browser lets no page copy", async () => {
    const jobId = await scene.queue.enqueue("task-without-worker", 1);
    const { page } = await scene.open(browser);
    const copy = page.getByRole("button", { name: "Copy the job's id" });
    await page.goto(`${scene.url}/jobs/${jobId}`);
    await copy.waitFor();
    await page.addInitScript("Object.defineProperty(window, 'isSecureContext', { value: false })");
    await page.reload();
    await page.locator(".job-id").waitFor();
    expect(await copy.count()).toBe(0);
  });

  test("folds an error of many pages, on the job's page and where it is told why it waits", async () => {
    const fails = background({ queue: scene.queue, name: "fails", backoff: "1h" }, async () => {
      throw new Error(`${"line\n".repeat(3_000)}the end`);
    });
    const jobId = await fails.enqueue();
    await expect.poll(async () => (await fails.getResult(jobId))?.error).toContain("the end");
    const { page } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs/${jobId}`);
    const heightOf = async (selector: string) => (await page.locator(selector).first().boundingBox())?.height;
    for (const message of [".attempt-error p", ".causes .is-failed"]) {
      await page.locator(message).first().waitFor();
      expect(await heightOf(message)).toBeLessThan(500);
      await page
        .locator(message)
        .getByRole("button", { name: /^Show all 15,0\d\d characters$/ })
        .click();
      await page.locator(message).getByText("the end").waitFor();
      await page.locator(message).getByRole("button", { name: "Show less" }).click();
      expect(await heightOf(message)).toBeLessThan(500);
    }
  });

  test("folds what is long, and shows tokens and cost", async () => {
    const work = background({ queue: scene.queue, name: "long" }, async (_: unknown, job) => {
      for (let line = 1; line <= 250; line++) job.log(`line ${line} of it`);
      job.recordUsage({ inputTokens: 12_345, outputTokens: 678, cost: 0.0123 });
      return { rows: Array.from({ length: 500 }, (_, row) => ({ row })) };
    });
    const jobId = await work.enqueue({ text: "x".repeat(100_000) });
    await work.wait(jobId);
    const { page, complaints } = await scene.open(browser);
    await page.goto(`${scene.url}/jobs/${jobId}`);
    const result = page.getByLabel("the result", { exact: true });
    await result.waitFor();
    const linesOf = async () => (await result.textContent())?.split("\n").length ?? 0;
    expect(await linesOf()).toBeLessThan(30);
    await page.getByRole("button", { name: /^Show all 1,50\d lines/ }).click();
    expect(await linesOf()).toBeGreaterThan(1_500);
    const log = page.getByLabel("the log", { exact: true });
    expect(await log.textContent()).not.toContain("line 150 of it");
    await page.getByRole("button", { name: "Show 150 earlier lines" }).click();
    expect(await log.textContent()).toContain("line 1 of it");
    for (const text of ["12,345", "678", "$0.012"]) await page.getByText(text, { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });
});
