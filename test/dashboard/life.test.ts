import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SLOW_MS, startBrowser } from "./browser.ts";
import { isWithoutChromium } from "./chromium.ts";
import { type Scene, startScene } from "./scene.ts";

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

  test("shows a job arrive, run with moving progress, fail, be retried by a click, and be cancelled, without a reload", async () => {
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
    await page.getByText("read row 9").waitFor();

    await scene.end("north", false);
    const head = page.locator(".job-head");
    await head.getByText("failed").waitFor();
    await page.getByText("the file has no rows").first().waitFor();

    await page.getByRole("button", { name: "Retry" }).click();
    await head.getByText("running").waitFor();
    await page.getByText("Attempt 2").waitFor();

    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel 1 job" }).click();
    await head.getByText("cancelled").waitFor();
    expect((await scene.queue.getResult(jobId))?.status).toBe("cancelled");

    await page.goto(scene.url);
    await page.getByRole("link", { name: "cancelled 1" }).waitFor();
    expect(complaints).toEqual([]);
  });
});
